"""From the options that say what to build, and skaffold's environment, to a BuildRequest.

What the user gives explicitly wins over skaffold; where the two contradict each other, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from cli.commands.routing import RoutingOptions
from router.config import environment, local_platform
from router.errors import UsageError
from router.flags.output import is_load, parse_output, resolve_outputs
from router.flags.platform import parse_platforms
from router.flags.secret import parse_secrets
from router.flags.skaffold import SkaffoldBuild, skaffold
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest, ContextTimes
from router.notation.boolean import parse_bool
from router.notation.keyvalue import parse_build_args, parse_labels
from router.notation.tag import parse_reference, parse_tags

__all__ = [
    "ExtraOptions",
    "ImageOptions",
    "Prepared",
    "asked_by_skaffold",
    "build_request",
    "skaffold_routing",
]


class ExtraOptions(NamedTuple):
    """The options of `build` that few builds have, as given; empty where they were not."""

    build_contexts: Sequence[str] | None = None
    annotations: Sequence[str] | None = None
    ssh: Sequence[str] | None = None
    registry_tls: Sequence[str] | None = None
    network: str = "default"
    add_hosts: Sequence[str] | None = None
    allow: Sequence[str] | None = None
    shm_size: str = ""
    ulimits: Sequence[str] | None = None
    resources: Sequence[str] | None = None
    cgroup_parent: str = ""
    proxy_network: bool = False
    no_cache_filter: Sequence[str] | None = None
    cache_from: Sequence[str] | None = None
    cache_to: Sequence[str] | None = None
    attests: Sequence[str] | None = None
    sbom: str = ""
    provenance: str = ""
    source_policy_file: str | None = None
    frontend: str | None = None
    frontend_options: Sequence[str] | None = None
    local_dirs: Sequence[str] | None = None
    oci_layouts: Sequence[str] | None = None
    llb: str | None = None
    call: str = "build"


_NO_EXTRA = ExtraOptions()


@frozen
class ImageOptions:
    """The options of `build` that say what to build, as given; None where they were not."""

    context: str | None = None
    file: str | None = None
    dockerfile_text: bytes | None = None
    tags: Sequence[str] | None = None
    build_args: Sequence[str] | None = None
    secrets: Sequence[str] | None = None
    labels: Sequence[str] | None = None
    target: str = ""
    platforms: Sequence[str] | None = None
    no_cache: bool = False
    pull: bool = False
    context_times: ContextTimes = "file"
    push: bool | None = None
    load: bool | None = None
    outputs: Sequence[str] | None = None
    extra: ExtraOptions = _NO_EXTRA


@frozen
class Prepared:
    """A request, and what the user should know about how it came to be."""

    request: BuildRequest
    warnings: tuple[str, ...] = ()
    by_skaffold: bool = False


def asked_by_skaffold() -> SkaffoldBuild | None:
    """Return what skaffold's environment asks for, None outside of skaffold. Raises ``UsageError``."""
    return skaffold(environment(), local=local_platform())


def build_request(options: ImageOptions, asked: SkaffoldBuild | None) -> Prepared:
    """Return the request. Raises ``UsageError`` for an option that can't be read or contradicts another."""
    variables = environment()
    warnings: tuple[str, ...] = ()
    named_context = options.context
    if asked is not None:
        warnings = (*asked.warnings, *_contradictions(options, asked))
        options = _with_skaffold(options, asked)
    tags = parse_tags(options.tags or ())
    warnings = (*warnings, *_digests(tags))
    request = BuildRequest(
        context=options.context or ".",
        dockerfile=options.file,
        dockerfile_text=options.dockerfile_text,
        tags=tags,
        build_args=parse_build_args(options.build_args or (), variables),
        labels=parse_labels(options.labels or ()),
        secrets=parse_secrets(options.secrets or (), variables),
        target=options.target,
        platforms=parse_platforms(options.platforms or (), local=local_platform()),
        no_cache=options.no_cache,
        pull=options.pull,
        context_times=options.context_times,
        push=bool(options.push),
        load=bool(options.load),
        outputs=tuple(parse_output(text) for text in options.outputs or ()),
    )
    if options.extra != _NO_EXTRA:
        from cli.commands.extras import extra_fields

        fields: dict[str, Any] = extra_fields(options.extra, local_platform())
        request = replace(request, **fields)
        if request.generic and named_context is not None:
            raise UsageError(
                f"--frontend and --llb have no place for a context ({named_context})",
                hint=f"name it as the frontend, or the LLB, does: --local context={named_context}",
            )
        if request.definition is not None and options.extra.llb in {None, "-"}:
            from cli.commands.stdin import refuse_second_use

            refuse_second_use("the LLB", request.files)
    if len(request.platforms) > 1:
        _check_one_platform(request)
    return Prepared(request=request, warnings=warnings, by_skaffold=asked is not None)


def skaffold_routing(options: RoutingOptions, asked: SkaffoldBuild | None) -> RoutingOptions:
    """Let skaffold's Kubernetes context stand in where none was given."""
    if asked is None or options.kube_context or not asked.kube_context:
        return options
    return replace(options, kube_context=asked.kube_context)


def _digests(tags: Sequence[str]) -> Iterator[str]:
    for tag in tags:
        if digest := parse_reference(tag).digest:
            yield f"--tag {tag}: the digest {digest[:19]}... is ignored: the image gets its own"


def _check_one_platform(request: BuildRequest) -> None:
    """Raise ``UsageError`` for an output that the daemon refuses several platforms, after the build."""
    docker = any(output.type == "docker" for output in request.outputs)
    if request.call == "build" and (request.load or docker):
        what = "--load" if request.load else "--output type=docker"
        raise UsageError(
            f"{what} takes one platform, not {len(request.platforms)} ({', '.join(request.platforms)})",
            hint="push instead, write --output type=oci,dest=FILE, or build one platform",
        )


def _with_skaffold(options: ImageOptions, asked: SkaffoldBuild) -> ImageOptions:
    delivery = options.push is not None or options.load is not None or bool(options.outputs)
    return replace(
        options,
        context=options.context or asked.context or None,
        tags=options.tags or (asked.image,),
        platforms=options.platforms or asked.platforms,
        push=options.push if delivery else asked.push,
        # Without a push skaffold expects the image in the engine that DOCKER_HOST names.
        load=options.load if delivery else (asked.push is False),
    )


def _contradictions(options: ImageOptions, asked: SkaffoldBuild) -> list[str]:
    said: list[str] = []
    if asked.push is None:
        # Skaffold always says whether to push: somebody else's IMAGE is no demand.
        return said
    if options.tags and asked.image not in options.tags:
        said.append(f"skaffold asks for {asked.image}, but --tag says {', '.join(options.tags)}")
    delivered = _with_skaffold(options, asked)
    outputs = resolve_outputs(
        map(parse_output, delivered.outputs or ()),
        push=bool(delivered.push),
        load=bool(delivered.load),
        tags=delivered.tags or (),
    )
    pushed = any(parse_bool(output.attrs.get("push", "")) for output in outputs)
    if asked.push and not pushed:
        said.append("skaffold asks for a push (PUSH_IMAGE=true), but the options say otherwise")
    if not asked.push and pushed:
        said.append("skaffold asks for no push (PUSH_IMAGE=false), but the options push")
    if not asked.push and not any(map(is_load, outputs)):
        said.append(
            "skaffold expects the image in the Docker engine (PUSH_IMAGE=false): nothing loads it there"
        )
    if options.platforms and asked.platforms and set(options.platforms) != set(asked.platforms):
        wanted, given = ", ".join(asked.platforms), ", ".join(options.platforms)
        said.append(f"skaffold asks for {wanted}, but --platform says {given}")
    return said
