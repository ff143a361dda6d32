"""BuildRequest -> the SolveRequest of BuildKit's API, packed. Pure.

The names of the frontend's options are an interface of the Dockerfile frontend:
https://github.com/moby/buildkit/blob/master/frontend/dockerui/config.go
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.errors import UsageError
from router.model.frozen import field as dataclass_field
from router.model.frozen import frozen
from router.model.request import BuildRequest
from router.notation.boolean import parse_bool
from router.notation.varint import integer_field
from router.rpc.protobuf import field, map_fields
from router.solve.inputs import Inputs

__all__ = ["Exporter", "FrontendCall", "SolveIdentity", "entitlements", "frontend_attrs", "solve_request"]

# Booleans that are true: a build hidden from the daemon's history, and the proxy network.
_INTERNAL = integer_field(11, 1)
_PROXY_NETWORK = integer_field(17, 1)
# Frontends that ignore unknown options; the empty one is LLB's.
_LENIENT = frozenset(["", "dockerfile.v0"])


@frozen
class Exporter:
    """How the daemon delivers the result: the exporter's type, and its attributes."""

    type: str
    attrs: Mapping[str, str]


@frozen
class SolveIdentity:
    """The names of one solve: its own ref, and its session's id.

    ``mark`` are options without effect, for readers of the daemon's history; see ``solve.mark``. ``led``: the
    frontend is called through the gateway.
    """

    ref: str
    session_id: str
    mark: Mapping[str, str] = dataclass_field(default_factory=dict)
    led: bool = False


@frozen
class FrontendCall:
    """A call of a frontend through the gateway, for the build ``ref``: the frontend with its options, and the
    contexts that are definitions."""

    ref: str
    frontend: str
    attrs: Mapping[str, str]
    definitions: Mapping[str, bytes] = dataclass_field(default_factory=dict)


def solve_request(
    request: BuildRequest, inputs: Inputs, exporters: Sequence[Exporter], identity: SolveIdentity
) -> bytes:
    """Return the message, packed. Raises ``UsageError`` for an empty BUILDKIT_SYNTAX or bad text."""
    try:
        return _message(request, inputs, exporters, identity)
    except UnicodeEncodeError as exc:
        raise UsageError(
            f"BuildKit takes only UTF-8 text, and {exc.object!a} is not",
            hint="check the names and values of tags, build arguments and labels, and the Dockerfile's name",
        ) from exc


def _message(
    request: BuildRequest, inputs: Inputs, exporters: Sequence[Exporter], identity: SolveIdentity
) -> bytes:
    frontend, attrs = frontend_attrs(request, inputs)
    if exporters:
        first, *others = exporters
        exporters = [Exporter(type=first.type, attrs={**first.attrs, **identity.mark}), *others]
    elif frontend in _LENIENT:
        attrs |= identity.mark
    # The field numbers are those of proto/control.proto.
    parts = [
        field(1, identity.ref),
        field(5, identity.session_id),
        # Without a frontend, and without LLB, the daemon opens the build and waits for calls of its gateway.
        field(6, "" if identity.led or request.call != "build" else frontend),
        map_fields(7, attrs),
        field(8, _cache_options(request)),
        *(field(13, _exporter(exporter.type, exporter.attrs)) for exporter in exporters),
    ]
    definitions = {} if identity.led else inputs.definitions
    parts += [field(10, field(1, name) + field(2, packed)) for name, packed in definitions.items()]
    if exporters:
        # The BuildKit inside Docker 20.10 reads only these; newer daemons ignore them if there is a list.
        parts += [field(3, exporters[0].type), map_fields(4, exporters[0].attrs)]
    parts += [field(9, entitlement) for entitlement in entitlements(request, attrs)]
    if request.definition is not None:
        from router.solve.llb import check_definition, without_cache

        check_definition(request.definition)
        parts.append(field(2, without_cache(request.definition) if request.no_cache else request.definition))
    if request.call != "build":
        parts.append(_INTERNAL)
    if request.source_policy:
        from router.solve.source_policy import source_policy

        parts.append(field(12, source_policy(request.source_policy)))
    if request.proxy_network:
        parts.append(_PROXY_NETWORK)
    return b"".join(parts)


def entitlements(request: BuildRequest, attrs: Mapping[str, str]) -> Sequence[str]:
    """Return the entitlements that the user grants; one is implied by the frontend's options."""
    allowed = request.allow
    if allowed:
        from router.flags.entitlement import LOCAL_DELETE

        allowed = tuple(right for right in allowed if right != LOCAL_DELETE)
    if attrs.get("force-network-mode") == "host" and "network.host" not in allowed:
        # The daemon needs it twice: as the frontend's option, and as an entitlement that the user grants.
        return (*allowed, "network.host")
    return allowed


def _cache_options(request: BuildRequest) -> bytes:
    exports = [field(4, _exporter(option.type, option.attrs)) for option in request.cache_to]
    imports = [field(5, _exporter(option.type, option.attrs)) for option in request.cache_from]
    return b"".join(exports + imports)


def _exporter(kind: str, attrs: Mapping[str, str]) -> bytes:
    """Return an Exporter or a CacheOptionsEntry: both are a type and its attributes."""
    return field(1, kind) + map_fields(2, attrs)


def frontend_attrs(request: BuildRequest, inputs: Inputs) -> tuple[str, dict[str, str]]:
    """Return the frontend and its options."""
    frontend = request.frontend
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
    if parse_bool(request.build_args.get("BUILDKIT_MULTI_PLATFORM", "")):
        attrs["multi-platform"] = "true"
    attrs |= {f"build-arg:{name}": value for name, value in request.build_args.items()}
    attrs |= {f"label:{name}": value for name, value in request.labels.items()}
    if request.target:
        attrs["target"] = request.target
    if request.platforms:
        attrs["platform"] = ",".join(request.platforms)
    if _asks_for_more(request):
        from router.solve.step_options import step_attrs

        attrs |= step_attrs(request)
    if request.no_cache:
        attrs["no-cache"] = ""
    if request.pull:
        attrs["image-resolve-mode"] = "pull"
    return frontend, attrs | dict(request.frontend_options)


def _asks_for_more(request: BuildRequest) -> bool:
    """Say whether any of the rare options is given."""
    return bool(
        request.attestations
        or request.annotations
        or request.resources
        or request.network != "default"
        or request.add_hosts
        or request.shm_size
        or request.ulimits
        or request.cgroup_parent
        or request.no_cache_filter
    )
