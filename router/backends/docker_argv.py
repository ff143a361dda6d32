"""A build request as ``docker build`` takes it. Pure.

The engine keeps the image under its tags; what is to be pushed is pushed from there afterwards. That is
how Docker without the containerd image store works, and it works with it too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.backends.answer import docker_call
from router.backends.tool import format_export, through_stdout
from router.errors import UsageError
from router.flags.annotation import format_annotation
from router.flags.build_context import format_build_contexts
from router.flags.cache import format_cache
from router.flags.context import STDIN
from router.flags.output import is_directory, is_load
from router.flags.resource import RESOURCES
from router.flags.secret import format_secret
from router.flags.ssh import format_ssh
from router.model.address import DockerAddress
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest, Output
from router.notation.boolean import parse_bool
from router.solve.exporters import ExportPlan
from router.solve.inputs import Inputs
from router.solve.prepared import PreparedBuild
from router.solve.request import Exporter, frontend_attrs

__all__ = ["DockerPlan", "build_arguments", "docker_plan", "engine_arguments"]

_FLAGS = {
    "target": "--target",
    "platform": "--platform",
    "force-network-mode": "--network",
    "shm-size": "--shm-size",
    "cgroup-parent": "--cgroup-parent",
}
# What stands in a list there, and is one flag for each item here.
_LISTS = {"add-hosts": "--add-host", "ulimit": "--ulimit"}
_PREFIXES = {"build-arg": "--build-arg", "label": "--label", "context": "--build-context"}
# What the image exporter of the engine does anyhow.
_OWN_KEYS = frozenset({"name", "push", "unpack"})


@frozen
class DockerPlan:
    """What is to become of the result: ``tags`` in the engine, then pushed or not, or one ``export``."""

    tags: tuple[str, ...] = ()
    push: bool = False
    export: ExportPlan | None = None


def docker_plan(build: PreparedBuild) -> DockerPlan:
    """Sort the outputs out. Raises ``UsageError`` for what ``docker build`` can't do."""
    request, outputs = build.request, build.outputs
    _check_form(request)
    images = [output for output in outputs if output.type == "image" or is_load(output)]
    others = [output for output in outputs if output not in images]
    if len(others) > 1 or (images and others):
        raise UsageError(
            "docker build has one output only",
            hint="build once for each output, or use --backend native",
        )
    for output in images:
        _check_keys(output)
    named = [name for output in images for name in output.attrs.get("name", "").split(",") if name]
    return DockerPlan(
        tags=request.tags or tuple(dict.fromkeys(named)),
        push=any(parse_bool(output.attrs.get("push", "")) for output in images),
        export=_export(others[0]) if others else None,
    )


def engine_arguments(address: DockerAddress) -> list[str]:
    """Return the program and which engine it is to talk to; without either the environment decides."""
    if address.endpoint:
        return ["docker", "--host", address.endpoint]
    return ["docker", "--context", address.context] if address.context else ["docker"]


def build_arguments(request: BuildRequest, plan: DockerPlan) -> list[str]:
    """Return what is to be built as flags of ``docker build``, the context last.

    A Dockerfile given as text is expected on stdin, in the context's place where that is ``-``. Raises
    ``UsageError`` for options of the frontend that ``docker build`` has no flag for.
    """
    flags = [part for tag in plan.tags for part in ("--tag", tag)]
    if request.dockerfile_text is not None and request.context != STDIN:
        flags += ["--file", "-"]
    elif request.dockerfile:
        flags += ["--file", request.dockerfile]
    flags += _frontend_flags(request)
    for flag, values in (
        ("--build-context", format_build_contexts(request.build_contexts)),
        ("--annotation", map(format_annotation, request.annotations)),
        ("--allow", request.allow),
        ("--ssh", map(format_ssh, request.ssh)),
        ("--secret", map(format_secret, request.secrets)),
        ("--cache-from", map(format_cache, request.cache_from)),
        ("--cache-to", map(format_cache, request.cache_to)),
    ):
        flags += [part for value in values for part in (flag, value)]
    if request.call != "build":
        flags += docker_call(request)
    if plan.export is not None:
        flags += ["--output", format_export(plan.export)]
    return [*flags, request.context]


def on_stdout(plan: DockerPlan) -> DockerPlan:
    """Return the plan with a file sent to stdout."""
    if plan.export is None:
        return plan
    return DockerPlan(tags=plan.tags, push=plan.push, export=through_stdout([plan.export])[0])


def _frontend_flags(request: BuildRequest) -> list[str]:
    # Annotations have a flag of their own, and what an index needs docker adds by itself.
    _, attrs = frontend_attrs(replace(request, annotations=()), Inputs())
    flags: list[str] = []
    for name, value in attrs.items():
        prefix, _, rest = name.partition(":")
        if rest and prefix in _PREFIXES:
            flags += [_PREFIXES[prefix], f"{rest}={value}"]
        elif rest and prefix == "attest":
            flags += ["--attest", value]
        elif name in _FLAGS:
            flags += [_FLAGS[name], value]
        elif name in _LISTS:
            flags += [part for item in value.split(",") for part in (_LISTS[name], item)]
        elif name in RESOURCES:
            flags += ["--resource", f"{RESOURCES[name]}={value}"]
        else:
            flags += _special(name, value, attrs)
    return flags


def _special(name: str, value: str, attrs: Mapping[str, str]) -> Sequence[str]:
    match name:
        case "no-cache":
            return ["--no-cache-filter", value] if value else ["--no-cache"]
        case "multi-platform" if "build-arg:BUILDKIT_MULTI_PLATFORM" in attrs:
            return []
        case "image-resolve-mode" if value == "pull":
            return ["--pull"]
        case "source" | "cmdline" if "build-arg:BUILDKIT_SYNTAX" in attrs:
            return []
        case "source":
            return ["--build-arg", f"BUILDKIT_SYNTAX={value}"]
        case _:
            raise UsageError(
                f"docker build has no flag for the frontend's option {name}",
                hint="use --backend native or --backend buildctl",
            )


def _check_form(request: BuildRequest) -> None:
    unknown = {
        "--frontend, --local, --oci-layout and --llb": request.generic,
        "--source-policy-file": bool(request.source_policy),
        "--proxy-network": request.proxy_network,
        "--registry-auth-tlscontext": bool(request.registry_tls),
        "--context-times": request.context_times != "file",
        "an archive as the context": request.context_archive is not None,
    }
    for what, given in unknown.items():
        if given:
            raise UsageError(f"the docker backend can't pass on {what}", hint="use --backend native")


def _export(output: Output) -> ExportPlan:
    exporter = Exporter(type=output.type, attrs=output.attrs)
    if output.type == "cacheonly":
        return ExportPlan(exporter=exporter)
    return ExportPlan(
        exporter=exporter, delivery="tree" if is_directory(output) else "file", dest=output.dest or "-"
    )


def _check_keys(output: Output) -> None:
    unknown = sorted(output.attrs.keys() - _OWN_KEYS)
    if unknown:
        raise UsageError(
            f"the docker backend can't give --output type={output.type} the key {unknown[0]}",
            hint="use --backend native",
        )
