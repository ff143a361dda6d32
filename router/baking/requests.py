"""From a target of a plan to the request of a build: the same values as the flags of ``build`` give.

A context that is another target's result is no part of the request: ``links`` tells of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from router.bake.definition import BakePlan
from router.bake.entries import Attest, Cache, Export, Secret, SSHKeys
from router.bake.remote import within_remote
from router.bake.target import BakeTarget
from router.baking.git_secrets import git_host, git_secrets
from router.baking.keys import BakeKeys
from router.errors import UsageError
from router.flags.add_host import parse_add_host
from router.flags.annotation import parse_annotations
from router.flags.attest import parse_attests
from router.flags.build_context import context_kind, parse_build_contexts
from router.flags.cache import CACHE_FROM, CACHE_TO, parse_caches
from router.flags.call import parse_call
from router.flags.context import GitContext, HTTPContext, parse_context
from router.flags.entitlement import parse_entitlements
from router.flags.network import parse_network
from router.flags.output import parse_outputs
from router.flags.platform import parse_platforms
from router.flags.resource import parse_resources
from router.flags.secret import parse_secrets
from router.flags.ssh import parse_sshs
from router.flags.stage import parse_stages, parse_target
from router.flags.ulimit import parse_ulimits
from router.model.frozen import frozen
from router.model.request import BuildRequest
from router.notation.csv import format_pairs
from router.notation.size import SHM_SIZE, parse_size
from router.notation.tag import parse_tags
from router.notation.url import without_credentials
from router.placement.key import Key

__all__ = ["BakeBuild", "BakePlace", "bake_builds", "is_remote"]

_TARGET, _HERE = "target:", "cwd://"


@frozen
class BakeBuild:
    """A target as a build, with its key. ``links`` are the targets whose results are its contexts, by the
    contexts' names.

    ``on_demand``: it was not asked for, others use it, and nothing is to come of it.
    """

    name: str
    request: BuildRequest
    key: Key
    links: Mapping[str, str]
    on_demand: bool = False


@frozen
class BakePlace:
    """Where builds are made: the environment, the platform of this machine, and the URL of the repository
    that the definition comes from, if it does."""

    environment: Mapping[str, str]
    local: str
    remote: str = ""


def bake_builds(plan: BakePlan, keys: BakeKeys, place: BakePlace) -> tuple[BakeBuild, ...]:
    """Return the builds of a plan, in its order. Raises ``UsageError`` that names the target."""
    return tuple(_build(target, keys, place) for target in plan.targets.values())


def _build(target: BakeTarget, keys: BakeKeys, place: BakePlace) -> BakeBuild:
    try:
        request = _request(target, place)
        return BakeBuild(
            name=target.name,
            request=request,
            key=keys.key(target.name, request.tags),
            links=_links(target),
            on_demand=target.linked,
        )
    except UsageError as exc:
        raise UsageError(f"target {target.name}: {exc}", hint=exc.hint, reason=exc.reason) from exc


def _request(target: BakeTarget, place: BakePlace) -> BuildRequest:
    _refuse_policy(target)
    _refuse_mixture(target, place)
    local, environment = place.local, place.environment
    secrets = [*map(_secret, target.secrets or ()), *_git_secrets(target, place)]
    return BuildRequest(
        context=target.context or ".",
        dockerfile=None if target.dockerfile_inline is not None else _dockerfile(target),
        dockerfile_text=_encoded(target.dockerfile_inline),
        build_contexts=parse_build_contexts(_other_contexts(target, place.remote)),
        tags=parse_tags(target.tags or ()),
        annotations=parse_annotations(target.annotations or (), local=local),
        build_args=_given(target.args),
        labels=_given(target.labels),
        secrets=parse_secrets(secrets, environment),
        ssh=parse_sshs(map(_ssh, target.ssh or ())),
        target=parse_target(target.target) if target.target else "",
        platforms=parse_platforms(target.platforms or (), local=local),
        no_cache=bool(target.no_cache),
        no_cache_filter=parse_stages(target.no_cache_filter or ()),
        pull=bool(target.pull),
        network=parse_network(target.network or "default"),
        add_hosts=tuple(
            parse_add_host(f"{name}={value}") for name, value in sorted(_given(target.extra_hosts).items())
        ),
        shm_size=parse_size(target.shm_size, SHM_SIZE) if target.shm_size else 0,
        ulimits=parse_ulimits(target.ulimits or ()),
        resources=parse_resources(f"{name}={value}" for name, value in (target.resources or {}).items()),
        allow=parse_entitlements(target.entitlements or ()),
        attestations=parse_attests(map(_attest, target.attest or ())),
        call=parse_call(target.call or "").method,
        outputs=parse_outputs(map(_output, target.outputs or ())),
        cache_from=parse_caches(map(_cache, target.cache_from or ()), CACHE_FROM),
        cache_to=parse_caches(map(_cache, target.cache_to or ()), CACHE_TO),
    )


def _other_contexts(target: BakeTarget, remote: str) -> Iterator[str]:
    for name, value in (target.contexts or {}).items():
        if value.startswith(_HERE):
            yield f"{name}={os.path.normpath(value.removeprefix(_HERE))}"
        elif remote and context_kind(value) == "directory" and not value.startswith(_TARGET):
            yield f"{name}={within_remote(remote, value)}"
        elif not value.startswith(_TARGET):
            yield f"{name}={value}"


def _links(target: BakeTarget) -> dict[str, str]:
    links: dict[str, str] = {}
    for name, value in (target.contexts or {}).items():
        if value.startswith(_TARGET):
            # Named as other contexts are: an image in its short form.
            (short,) = parse_build_contexts([f"{name}=."])
            links[short] = value.removeprefix(_TARGET)
    return links


def _dockerfile(target: BakeTarget) -> str:
    """Return the Dockerfile's path from the working directory; one in a remote context is a path inside."""
    name, context = target.dockerfile or "Dockerfile", target.context or "."
    if name.startswith(_HERE):
        return os.path.abspath(name.removeprefix(_HERE))
    if isinstance(parse_context(name), HTTPContext) or is_remote(context):
        return name
    return os.path.normpath(os.path.join(context, name))


def is_remote(context: str) -> bool:
    """Say whether the daemon fetches a context; a directory of that name wins."""
    return isinstance(parse_context(context), GitContext | HTTPContext) and not os.path.isdir(context)


def _encoded(text: str | None) -> bytes | None:
    return None if text is None else text.encode("utf-8", "surrogateescape")


def _given(values: Mapping[str, str | None] | None) -> dict[str, str]:
    return {name: value for name, value in (values or {}).items() if value is not None}


def _secret(secret: Secret) -> str:
    given = {"id": secret.id, "src": secret.path, "env": secret.variable}
    return format_pairs({key: value for key, value in given.items() if value})


def _ssh(keys: SSHKeys) -> str:
    name = keys.id or "default"
    return f"{name}={','.join(keys.paths)}" if keys.paths else name


def _attest(attest: Attest) -> str:
    disabled = {"disabled": "true"} if attest.disabled else {}
    return format_pairs({"type": attest.type, **disabled, **attest.attrs})


def _output(output: Export) -> str:
    dest = {"dest": output.destination} if output.destination else {}
    return format_pairs({"type": output.type, **dest, **output.attrs})


def _cache(cache: Cache) -> str:
    return format_pairs({"type": cache.type, **cache.attrs})


def _git_secrets(target: BakeTarget, place: BakePlace) -> Iterator[str]:
    """Yield what a repository is cloned with, for contexts on the host that the definition comes from."""
    remote = git_host(place.remote)
    if remote and git_host(target.context or "") == remote:
        yield from git_secrets(remote, place.environment)


def _refuse_mixture(target: BakeTarget, place: BakePlace) -> None:
    local = not is_remote(target.context or ".")
    name = target.dockerfile or "Dockerfile"
    if place.remote and local and target.dockerfile_inline is None and not name.startswith(_HERE):
        raise UsageError(
            f"its context is here, and its Dockerfile {name} in {without_credentials(place.remote)}",
            hint="name a Dockerfile of this machine: dockerfile = cwd://PATH, or use dockerfile-inline",
        )


def _refuse_policy(target: BakeTarget) -> None:
    if any(not each.disabled for each in target.policy or ()):
        raise UsageError(
            "it has a policy, and warmroute evaluates none",
            hint="leave the policy out, or build the target with docker buildx bake",
        )
