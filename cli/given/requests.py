"""From the options that say what to build, and skaffold's environment, to a BuildRequest.

What the user gives explicitly wins over skaffold; where the two contradict each other, that is said.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from cli.build_options import ImageOptions, ResultOptions
from cli.given.routing import router_config
from cli.groups import OptionGroup
from cli.named import NamedTuple
from cli.options import RoutingOptions
from router import (
    BuildRequest,
    RouterConfig,
    SkaffoldBuild,
    UsageError,
    is_load,
    local_platform,
    parse_bool,
    parse_build_args,
    parse_labels,
    parse_output,
    parse_platforms,
    parse_reference,
    parse_secrets,
    parse_tags,
    resolve_outputs,
    skaffold,
)

if TYPE_CHECKING:
    from cli.given.files import GivenFiles

__all__ = [
    "Prepared",
    "Unread",
    "asked_by_skaffold",
    "build_request",
    "prepare",
    "skaffold_routing",
    "unread",
]

_NO_RESULT = ResultOptions()
_USUAL = ImageOptions()


class Prepared(NamedTuple):
    """A request, and what the user should know about how it came to be; ``question`` is --call as given."""

    request: BuildRequest
    warnings: tuple[str, ...] = ()
    question: str = "build"


class Unread(NamedTuple):
    """A build as it was given. To ``prepare`` it opens the files that options name, which may block: that
    is for where signals and the time limit hold. ``warnings`` come before those of the request."""

    prepare: Callable[[GivenFiles], Prepared]
    warnings: tuple[str, ...] = ()
    by_skaffold: bool = False


def prepare(routing: RoutingOptions, subject: ImageOptions) -> tuple[RouterConfig, BuildRequest]:
    """Return where a build would go and for what, skaffold's environment included. Raises ``UsageError``.

    For those who build nothing: ``subject`` has no options that name files.
    """
    asked = asked_by_skaffold()
    config = router_config(skaffold_routing(routing, asked))
    return config, build_request(subject, asked).request


def unread(image: ImageOptions, asked: SkaffoldBuild | None, result: ResultOptions = _NO_RESULT) -> Unread:
    """Return the build that the options, and skaffold's environment, describe."""
    return Unread(
        prepare=lambda files: build_request(image, asked, result, files), by_skaffold=asked is not None
    )


def asked_by_skaffold() -> SkaffoldBuild | None:
    """Return what skaffold's environment asks for, None outside of skaffold. Raises ``UsageError``."""
    return skaffold(os.environ, local=local_platform())


def build_request(
    image: ImageOptions,
    asked: SkaffoldBuild | None,
    result: ResultOptions = _NO_RESULT,
    files: GivenFiles | None = None,
) -> Prepared:
    """Return the request; ``files`` reads those that options name.

    Raises ``UsageError`` for an option that can't be read or contradicts another.
    """
    variables = os.environ
    warnings: tuple[str, ...] = ()
    named_context = image.context
    if asked is not None:
        warnings = (*asked.warnings, *_contradictions(image, result, asked))
        image, result = _image_of_skaffold(image, asked), _result_of_skaffold(result, asked)
    tags = parse_tags(image.tags or ())
    warnings = (*warnings, *_digests(tags))
    request = BuildRequest(
        context=image.context or ".",
        dockerfile=image.file,
        tags=tags,
        build_args=parse_build_args(image.build_args or (), variables),
        labels=parse_labels(image.labels or ()),
        secrets=parse_secrets(image.secrets or (), variables),
        target=_target(image.target),
        platforms=parse_platforms(image.platforms or (), local=local_platform()),
        no_cache=image.no_cache,
        pull=image.pull,
        push=bool(result.push),
        load=bool(result.load),
        outputs=tuple(parse_output(text) for text in result.outputs or ()),
    )
    if _rare(image) != _rare(_USUAL):
        from cli.given.extras import with_extras

        request = with_extras(request, image, local_platform(), files)
        if request.generic and named_context is not None:
            raise UsageError(
                f"--frontend and --llb have no place for a context ({named_context})",
                hint=f"name it as the frontend, or the LLB, does: --local context={named_context}",
            )
    if len(request.platforms) > 1:
        _check_one_platform(request)
    return Prepared(
        request=request,
        warnings=warnings,
        question=image.extra.question,
    )


def _target(text: str) -> str:
    if not text:
        return text
    from router import parse_target  # few give one

    return parse_target(text)


def skaffold_routing(options: RoutingOptions, asked: SkaffoldBuild | None) -> RoutingOptions:
    """Let skaffold's Kubernetes context stand in where none was given."""
    if asked is None or options.fleet.kube_context or not asked.kube_context:
        return options
    return options.replaced(fleet=options.fleet.replaced(kube_context=asked.kube_context))


def _rare(image: ImageOptions) -> tuple[OptionGroup, ...]:
    return image.extra, image.steps, image.caches, image.attestations, image.generic


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


def _image_of_skaffold(image: ImageOptions, asked: SkaffoldBuild) -> ImageOptions:
    return image.replaced(
        context=image.context or asked.context or None,
        tags=image.tags or (asked.image,),
        platforms=image.platforms or asked.platforms,
    )


def _result_of_skaffold(result: ResultOptions, asked: SkaffoldBuild) -> ResultOptions:
    if result.push is not None or result.load is not None or result.outputs:
        return result
    # Without a push skaffold expects the image in the engine that DOCKER_HOST names.
    return result.replaced(push=asked.push, load=asked.push is False)


def _contradictions(image: ImageOptions, result: ResultOptions, asked: SkaffoldBuild) -> list[str]:
    said: list[str] = []
    if asked.push is None:
        # Skaffold always says whether to push: somebody else's IMAGE is no demand.
        return said
    if image.tags and asked.image not in image.tags:
        said.append(f"skaffold asks for {asked.image}, but --tag says {', '.join(image.tags)}")
    delivered = _result_of_skaffold(result, asked)
    outputs = resolve_outputs(
        map(parse_output, delivered.outputs or ()),
        push=bool(delivered.push),
        load=bool(delivered.load),
        tags=image.tags or (asked.image,),
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
    if image.platforms and asked.platforms and set(image.platforms) != set(asked.platforms):
        wanted, given = ", ".join(asked.platforms), ", ".join(image.platforms)
        said.append(f"skaffold asks for {wanted}, but --platform says {given}")
    return said
