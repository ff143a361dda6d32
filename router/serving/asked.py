"""What a client's Solve asks for, and under which key: read from the packed SolveRequest. Pure.

The key follows the rules of `warmroute build` as far as what they need is on the wire. buildx sends the names
of an image with its exporter only, so a build without an output has none; it says itself where in which git
repository a directory is; of other directories it sends the last part of the path and the machine's id,
which is the shared key of its session.

Nothing is checked that the daemon checks. What is asked for may be hostile: whether its client may use the
sessions that it names is for whoever knows the client.
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

__all__ = ["Asked", "bridge_sessions", "read_asked", "session_key"]

# Of proto/control.proto: SolveRequest, and Exporter.
_REF, _DEFINITION, _OLD_ATTRS, _SESSION, _FRONTEND, _ATTRS = 1, 2, 4, 5, 6, 7
_INPUTS, _INTERNAL, _EXPORTER, _POLICY_SESSION = 10, 11, 13, 15
_EXPORTER_ATTRS = 2
# What is missing in a probe, besides a frontend.
_ASKING = (_DEFINITION, _OLD_ATTRS, _ATTRS, _INPUTS, _EXPORTER)
# Of the gateway's SolveRequest (https://github.com/moby/buildkit/blob/master/frontend/gateway/pb/gateway.proto).
_BRIDGE_DEFINITION, _BRIDGE_ATTRS, _BRIDGE_INPUTS = 1, 3, 13
# Of proto/ops.proto: Definition, Op, SourceOp; and what a map's entry has behind its key.
_OPERATION, _SOURCE, _SOURCE_ATTRS = 1, 3, 2
_ENTRY_VALUE = 2

# An option of the Dockerfile frontend:
# https://github.com/moby/buildkit/blob/master/frontend/dockerui/config.go
_LOCAL_SESSION = "local-sessionid:"
# Of a source that the daemon gets from a client: a directory, or an OCI layout.
_SOURCE_SESSIONS = ("local.session", "oci.session")
# What the client itself sends over its session has an address that is new each time.
_UPLOADS = "http://buildkit-session/"
# With a star the exporter takes the name from the result.
_NO_NAMES = frozenset(["", "*"])
# Characters. What is longer is no image's name, URL or list of platforms, and would take long to parse.
_LONGEST = 2000

_Fields = Mapping[int, Sequence[Value]]


@frozen
class Asked:
    """A Solve as far as it matters for where it goes.

    ``session`` is the client's own; ``other_sessions`` are those besides it that the daemon may call.
    ``key`` is None where the request says nothing to make one of: then ``session_key`` is for what its
    session says. ``platforms`` are those that it names. A ``probe`` asks for nothing by itself: buildx looks
    with it whether the endpoint is there, and reads files of a remote context, such as its policy, by calls
    that follow.
    """

    ref: str
    session: str
    other_sessions: tuple[str, ...] = ()
    key: Key | None = None
    platforms: tuple[str, ...] = ()
    internal: bool = False
    probe: bool = False


def read_asked(request: memoryview, own: str = "") -> Asked:
    """Read a packed SolveRequest. ``own`` is the key of who started the endpoint, empty for the rules.

    Raises ``Http2Error`` for bytes that are no such message.
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
        key=_key(own, _names(said), attrs),
        platforms=_platforms(attrs.get("platform", "")),
        internal=internal,
        probe=internal and not _text(said, _FRONTEND) and said.keys().isdisjoint(_ASKING),
    )


def session_key(shared_key: str, name: str, who: str) -> Key:
    """Return the key of a build that says nothing by itself: its session's shared key, else its session's
    name, else ``who`` asks."""
    if shared_key or name:
        return Key(key=printable(shared_key or name), rule="session")
    return Key(key=printable(who), rule="connection")


def bridge_sessions(request: memoryview) -> tuple[str, ...]:
    """Return the sessions that a packed LLBBridge SolveRequest names: buildx sends linked contexts with it.

    Raises ``Http2Error`` for bytes that are no such message.
    """
    said = _fields(request)
    return _named_sessions(_map(said, _BRIDGE_ATTRS), _sessions(said, _BRIDGE_DEFINITION, _BRIDGE_INPUTS))


def _key(own: str, names: Sequence[str], attrs: Mapping[str, str]) -> Key | None:
    remote, path = (_sensible(attrs.get(name, "")) for name in ("vcs:source", "vcs:localdir:context"))
    git = GitCheckout(remote=remote, path=path) if remote else None
    key = balancing_key(KeyInputs(key=own, tags=tuple(names), context=_fetched(attrs), git=git))
    return None if key.rule == "path" else key


def _fetched(attrs: Mapping[str, str]) -> str:
    """Return the context that the daemon fetches, ``.`` where there is none."""
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
        with suppress(UsageError):  # what is no platform the daemon refuses
            platform = parse_platform(part, local="")
            # What "local" is, and the processor of a mere "linux", only the daemon knows.
            found += [platform] if platform and not platform.endswith("/") else []
    return tuple(dict.fromkeys(found))


def _sensible(value: str) -> str:
    return value if len(value) <= _LONGEST else ""


def _named_sessions(attrs: Mapping[str, str], others: Iterable[str]) -> tuple[str, ...]:
    named = [value for name, value in attrs.items() if name.startswith(_LOCAL_SESSION)]
    return tuple(filter(None, dict.fromkeys([*named, *others])))


def _sessions(said: _Fields, definition: int, inputs: int) -> Iterator[str]:
    """Yield the sessions that LLB names as the owners of directories."""
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
    """Return a field that stands once; of several the last one counts."""
    return text(said[number][-1]) if number in said else ""


def _map(said: _Fields, number: int) -> dict[str, str]:
    return dict(map(map_entry, said.get(number, ())))
