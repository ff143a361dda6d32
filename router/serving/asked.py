"""Read a client's packed SolveRequest: what it asks for, and its key. Pure.

The key follows the rules of `warmroute build` as far as the request allows. buildx sends an image's names
only with its exporter, so a build without an output has none. It names the git repository and path of a
directory itself; for other directories it sends the last part of the path and the machine's id, as the shared
key of its session.

Checks of the daemon are not repeated here. The request may be hostile: whether a client may use the sessions
that it names is checked by modules that know the client.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress

from router.errors import UsageError
from router.flags.context import GitContext, HTTPContext, parse_context
from router.flags.platform import parse_platform
from router.model.frozen import frozen
from router.placement.key import GitCheckout, Key, KeyInputs, balancing_key, printable
from router.rpc.protobuf import Value, integer, map_entry, read, submessage, text
from router.serving.linked import configs_of_inputs

__all__ = ["Asked", "bridge_sessions", "read_asked", "session_key"]

# Fields of proto/control.proto: SolveRequest, and Exporter.
_REF, _DEFINITION, _OLD_ATTRS, _SESSION, _FRONTEND, _ATTRS = 1, 2, 4, 5, 6, 7
_INPUTS, _INTERNAL, _EXPORTER, _POLICY_SESSION = 10, 11, 13, 15
_EXPORTER_ATTRS = 2
# Fields that a probe lacks, besides a frontend.
_ASKING = (_DEFINITION, _OLD_ATTRS, _ATTRS, _INPUTS, _EXPORTER)
# Fields of the gateway's SolveRequest
# (https://github.com/moby/buildkit/blob/master/frontend/gateway/pb/gateway.proto).
_BRIDGE_DEFINITION, _BRIDGE_ATTRS, _BRIDGE_INPUTS = 1, 3, 13
# Fields of proto/ops.proto: Definition, Op, SourceOp; and the value of a map's entry.
_OPERATION, _SOURCE, _SOURCE_ATTRS = 1, 3, 2
_ENTRY_VALUE = 2

# An option of the Dockerfile frontend:
# https://github.com/moby/buildkit/blob/master/frontend/dockerui/config.go
_LOCAL_SESSION = "local-sessionid:"
# Attributes of a source that the daemon gets from a client: a directory, or an OCI layout.
_SOURCE_SESSIONS = ("local.session", "oci.session")
# Uploads over the client's session have a new address each time.
_UPLOADS = "http://buildkit-session/"
# For a star the exporter takes the name from the result.
_NO_NAMES = frozenset(["", "*"])
# Characters. A longer text is no image name, URL or list of platforms, and would take long to parse.
_LONGEST = 2000

_Fields = Mapping[int, Sequence[Value]]


@frozen
class Asked:
    """The parts of a Solve that decide where it goes.

    ``session`` is the client's own; ``other_sessions`` are further ones that the daemon may call. ``key`` is
    None if the request has nothing to make one from: then ``session_key`` makes one from its session.
    ``platforms`` are those that it names. ``linked`` has digests of the image configs of the results that it
    is based on, see ``router.serving.linked``. A ``probe`` builds nothing by itself: buildx checks with it
    that the endpoint exists, and reads files of a remote context, such as its policy, by later calls.
    """

    ref: str
    session: str
    other_sessions: tuple[str, ...] = ()
    key: Key | None = None
    platforms: tuple[str, ...] = ()
    linked: frozenset[str] = frozenset()
    internal: bool = False
    probe: bool = False


def read_asked(request: memoryview, own: str = "", host: str = "") -> Asked:
    """Read a packed SolveRequest.

    ``own`` is the endpoint's ``--key``, ``host`` the key in the name that the client calls the endpoint by;
    both are empty to apply the other rules.

    Raises ``Http2Error`` for a malformed message.
    """
    said = _fields(request)
    attrs = _map(said, _ATTRS)
    session = _text(said, _SESSION)
    others = _named_sessions(attrs, [_text(said, _POLICY_SESSION), *_sessions(said, _DEFINITION, _INPUTS)])
    internal = any(integer(value) for value in said.get(_INTERNAL, ()))
    return Asked(
        ref=_text(said, _REF),
        session=session,
        other_sessions=tuple(each for each in others if each != session),
        key=_key(own, _names(said), attrs) if own or not host else Key(key=host, rule="host"),
        platforms=_platforms(attrs.get("platform", "")),
        linked=configs_of_inputs(attrs),
        internal=internal,
        probe=internal and not _text(said, _FRONTEND) and said.keys().isdisjoint(_ASKING),
    )


def session_key(shared_key: str, name: str, who: str) -> Key:
    """Return the key of a build whose request has none: its session's shared key, else its session's name,
    else ``who`` (the client)."""
    if shared_key or name:
        return Key(key=printable(shared_key or name), rule="session")
    return Key(key=printable(who), rule="connection")


def bridge_sessions(request: memoryview) -> tuple[str, ...]:
    """Return the sessions that a packed LLBBridge SolveRequest names: buildx sends linked contexts with it.

    Raises ``Http2Error`` for a malformed message.
    """
    said = _fields(request)
    return _named_sessions(_map(said, _BRIDGE_ATTRS), _sessions(said, _BRIDGE_DEFINITION, _BRIDGE_INPUTS))


def _key(own: str, names: Sequence[str], attrs: Mapping[str, str]) -> Key | None:
    remote, path = (_sensible(attrs.get(name, "")) for name in ("vcs:source", "vcs:localdir:context"))
    git = GitCheckout(remote=remote, path=path) if remote else None
    key = balancing_key(KeyInputs(key=own, tags=tuple(names), context=_fetched(attrs), git=git))
    return None if key.rule == "path" else key


def _fetched(attrs: Mapping[str, str]) -> str:
    """Return the context that the daemon fetches, ``.`` if there is none."""
    context = _sensible(attrs.get("context", "") or attrs.get("input:context", ""))
    if not context.startswith(_UPLOADS):
        with suppress(UsageError):
            if isinstance(parse_context(context), GitContext | HTTPContext):
                return context
    return "."


def _names(said: _Fields) -> tuple[str, ...]:
    """Return the names of the image, in the order of the exporters."""
    exporters = [_map(_fields_of(value), _EXPORTER_ATTRS) for value in said.get(_EXPORTER, ())]
    lists = (attrs.get("name", "") for attrs in [*exporters, _map(said, _OLD_ATTRS)])
    names = (_sensible(name) for each in lists for name in each.split(","))
    return tuple(name for name in names if name not in _NO_NAMES)


def _platforms(texts: str) -> tuple[str, ...]:
    found: list[str] = []
    for part in _sensible(texts).split(","):
        with suppress(UsageError):  # the daemon refuses an invalid platform
            platform = parse_platform(part, local="")
            # Only the daemon knows what "local" is, and the processor of a bare "linux".
            found += [platform] if platform and not platform.endswith("/") else []
    return tuple(dict.fromkeys(found))


def _sensible(value: str) -> str:
    return value if len(value) <= _LONGEST else ""


def _named_sessions(attrs: Mapping[str, str], others: Iterable[str]) -> tuple[str, ...]:
    named = [value for name, value in attrs.items() if name.startswith(_LOCAL_SESSION)]
    return tuple(filter(None, dict.fromkeys([*named, *others])))


def _sessions(said: _Fields, definition: int, inputs: int) -> Iterator[str]:
    """Yield the sessions that LLB names as owners of directories."""
    definitions = [_fields_of(value) for value in said.get(definition, ())]
    for entry in map(_fields_of, said.get(inputs, ())):
        definitions += map(_fields_of, entry.get(_ENTRY_VALUE, ()))
    operations = (value for each in definitions for value in each.get(_OPERATION, ()))
    for operation in operations:
        for number, source in submessage(operation):
            if number == _SOURCE:
                attrs = _map(_fields_of(source), _SOURCE_ATTRS)
                yield from (attrs.get(name, "") for name in _SOURCE_SESSIONS)


def _fields(message: memoryview) -> _Fields:
    return _collected(read(message))


def _fields_of(value: Value) -> _Fields:
    return _collected(submessage(value))


def _collected(fields: Iterable[tuple[int, Value]]) -> _Fields:
    found: dict[int, list[Value]] = {}
    for number, value in fields:
        found.setdefault(number, []).append(value)
    return found


def _text(said: _Fields, number: int) -> str:
    """Return a field; if it repeats, the last value counts."""
    return text(said[number][-1]) if number in said else ""


def _map(said: _Fields, number: int) -> dict[str, str]:
    return dict(map(map_entry, said.get(number, ())))
