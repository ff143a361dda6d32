"""What a client's Solve asks for, as far as it matters for where it goes: the names of its images. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from router.model.frozen import frozen
from router.placement.key import Key, KeyInputs, balancing_key, printable
from router.rpc.protobuf import Value, integer, map_entry, read, submessage, text

__all__ = ["Asked", "bridge_sessions", "read_asked", "session_key"]

# Of SolveRequest in proto/control.proto, of its Exporter, and of the gateway's SolveRequest.
_REF, _SESSION, _FRONTEND, _ATTRS, _INTERNAL, _EXPORTER = 1, 5, 6, 7, 11, 13
_EXPORTER_ATTRS, _BRIDGE_ATTRS = 2, 3
_LOCAL_SESSION = "local-sessionid:"


@frozen
class Asked:
    """``session`` is the client's own, ``other_sessions`` are those besides it that the daemon may call.

    ``key`` is None where there is no name. A ``probe`` asks nothing but whether the endpoint is there.
    """

    ref: str
    session: str
    other_sessions: tuple[str, ...] = ()
    key: Key | None = None
    platforms: tuple[str, ...] = ()
    probe: bool = False


def read_asked(request: memoryview, own: str = "") -> Asked:
    """Read a packed SolveRequest. ``own`` is the key of who started the endpoint, empty for the names.

    Raises ``Http2Error`` for bytes that are no such message.
    """
    texts = {_REF: "", _SESSION: "", _FRONTEND: ""}
    attrs: dict[str, str] = {}
    names: list[str] = []
    internal = False
    for number, value in read(request):
        if number in texts:
            texts[number] = text(value)
        elif number == _ATTRS:
            attrs |= [map_entry(value)]
        elif number == _INTERNAL:
            internal = bool(integer(value))
        elif number == _EXPORTER:
            names += _names(value)
    key = balancing_key(KeyInputs(key=own, tags=tuple(names), context=".")) if own or names else None
    return Asked(
        ref=texts[_REF],
        session=texts[_SESSION],
        other_sessions=_sessions(attrs),
        key=key,
        probe=internal and not attrs and not texts[_FRONTEND],
    )


def session_key(shared_key: str, name: str, who: str) -> Key:
    """Return the key of a build without a name: its session's shared key or name, else ``who`` asks."""
    if shared_key or name:
        return Key(key=printable(shared_key or name), rule="session")
    return Key(key=printable(who), rule="connection")


def bridge_sessions(request: memoryview) -> tuple[str, ...]:
    """Return the sessions that a packed LLBBridge SolveRequest names. Raises ``Http2Error``."""
    return _sessions(dict(map_entry(value) for number, value in read(request) if number == _BRIDGE_ATTRS))


def _sessions(attrs: dict[str, str]) -> tuple[str, ...]:
    return tuple(value for name, value in attrs.items() if name.startswith(_LOCAL_SESSION) and value)


def _names(exporter: Value) -> Iterator[str]:
    for number, value in submessage(exporter):
        if number == _EXPORTER_ATTRS:
            name, names = map_entry(value)
            yield from names.split(",") if name == "name" else ()
