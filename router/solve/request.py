"""BuildRequest -> the SolveRequest of BuildKit's API. Pure.

The names of the frontend's options are an interface of the Dockerfile frontend:
https://github.com/moby/buildkit/blob/master/frontend/dockerui/config.go
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router._proto import control_pb2 as pb
from router.errors import UsageError
from router.model.frozen import frozen
from router.model.request import BuildRequest
from router.solve.inputs import Inputs

__all__ = ["Exporter", "frontend_attrs", "solve_request"]


@frozen
class Exporter:
    """What the daemon does with the result: the exporter's type there, and its attributes."""

    type: str
    attrs: Mapping[str, str]


@frozen
class SolveIdentity:
    """The names of one solve: its own, and its session's."""

    ref: str
    session_id: str


def solve_request(
    request: BuildRequest, inputs: Inputs, exporters: Sequence[Exporter], identity: SolveIdentity
) -> pb.SolveRequest:
    """Return the message. Raises ``UsageError`` for an empty BUILDKIT_SYNTAX and for text not in UTF-8."""
    try:
        return _message(request, inputs, exporters, identity)
    except UnicodeEncodeError as exc:
        raise UsageError(
            f"BuildKit takes text in UTF-8 only, which {exc.object!a} is not",
            hint="see the names and values of tags, build arguments and labels, and the Dockerfile's name",
        ) from exc


def _message(
    request: BuildRequest, inputs: Inputs, exporters: Sequence[Exporter], identity: SolveIdentity
) -> pb.SolveRequest:
    frontend, attrs = frontend_attrs(request, inputs)
    message = pb.SolveRequest(
        Ref=identity.ref, Session=identity.session_id, Frontend=frontend, FrontendAttrs=attrs
    )
    for exporter in exporters:
        message.Exporters.add(Type=exporter.type, Attrs=exporter.attrs)
    if exporters:
        # The BuildKit inside Docker 20.10 looks at these alone; newer daemons ignore them beside the list.
        message.ExporterDeprecated = exporters[0].type
        message.ExporterAttrsDeprecated.update(exporters[0].attrs)
    if attrs.get("force-network-mode") == "host":
        # The daemon wants it said twice: as the frontend's option, and as a right that the user grants.
        message.Entitlements.append("network.host")
    for option in request.cache_to:
        message.Cache.Exports.add(Type=option.type, Attrs=option.attrs)
    for option in request.cache_from:
        message.Cache.Imports.add(Type=option.type, Attrs=option.attrs)
    return message


def frontend_attrs(request: BuildRequest, inputs: Inputs) -> tuple[str, dict[str, str]]:
    """Return the frontend and its options."""
    frontend: str = request.frontend
    attrs = dict(inputs.attrs)
    if "BUILDKIT_SYNTAX" in request.build_args:
        command = request.build_args["BUILDKIT_SYNTAX"].strip()
        if not command:
            raise UsageError(
                "--build-arg BUILDKIT_SYNTAX= is empty",
                hint="name a frontend image, or leave the value out to take it from the environment",
            )
        frontend = "gateway.v0"
        attrs |= {"source": command.split(" ", 1)[0], "cmdline": request.build_args["BUILDKIT_SYNTAX"]}
    attrs |= {f"build-arg:{name}": value for name, value in request.build_args.items()}
    attrs |= {f"label:{name}": value for name, value in request.labels.items()}
    if request.target:
        attrs["target"] = request.target
    if request.platforms:
        attrs["platform"] = ",".join(request.platforms)
    if request.no_cache:
        attrs["no-cache"] = ""
    if request.pull:
        attrs["image-resolve-mode"] = "pull"
    return frontend, attrs | dict(request.frontend_options)
