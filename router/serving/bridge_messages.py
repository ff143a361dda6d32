"""The messages between a client's frontend and a daemon, as far as a retried build needs them. Pure.

buildx runs its frontend in its own process. The frontend calls ``LLBBridge`` of its build's daemon, and the
answers contain *references*: ids of results that only this daemon knows. If the build is retried on another
daemon, the frontend can't be started again, so its answered calls are repeated there:

- ``Solve`` and ``Return`` for their effect; ``Solve``'s new references replace the old ones;
- ``ResolveImageConfig``, ``ResolveSourceMeta``, ``ReadFile``, ``ReadDir`` and ``StatFile`` to check that the
  answers are the same: the frontend has acted on them, so a different answer would mix two results.

``Ping``, ``Inputs``, ``Evaluate`` and ``Warn`` leave nothing behind that later calls need: they are repeated
only if they were not answered. Calls for containers are never repeated: a client's keystrokes can't be.

Fields: https://github.com/moby/buildkit/blob/master/frontend/gateway/pb/gateway.proto
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from router.model.frozen import field, frozen
from router.rpc.protobuf import Value, fields_at, read, text
from router.rpc.protobuf import field as packed

__all__ = ["CONTAINERS", "REPEATED", "UNARY", "is_failure", "paired", "translated"]

REPEATED = frozenset(
    ("Solve", "ResolveImageConfig", "ResolveSourceMeta", "ReadFile", "ReadDir", "StatFile", "Return")
)
"""Methods that are repeated even if they were answered."""
CONTAINERS = frozenset(
    (
        "NewContainer",
        "ReleaseContainer",
        "ExecProcess",
        "ReadFileContainer",
        "ReadDirContainer",
        "StatFileContainer",
    )
)
"""Methods that are never repeated."""
UNARY = REPEATED | {"Ping", "Inputs", "Evaluate", "Warn"} | CONTAINERS - {"ExecProcess"}
"""Methods with one message each way."""

_KEY, _VALUE = 1, 2
_ERROR = 2  # of ReturnRequest
_LENGTH = 2

_Place = tuple[tuple[int, bytes | int], ...]


@frozen
class _Shape:
    """The fields of a message, by number, that are ``ids``, and the messages with ids ``inside`` it.

    The fields in ``differs`` may differ between two daemons. An ``entry`` of a map is identified by its key:
    Go packs maps in any order.
    """

    ids: frozenset[int] = frozenset()
    inside: Mapping[int, _Shape] = field(default_factory=dict)
    differs: frozenset[int] = frozenset()
    entry: bool = False


def _map_of(value: _Shape | None = None) -> _Shape:
    return _Shape(inside={} if value is None else {_VALUE: value}, entry=True)


_PLAIN = _Shape()
_ONE_ID = _Shape(ids=frozenset((1,)))
# Field 2 has the steps that lead to the result, with ids of sessions and of directories.
_REF = _Shape(ids=frozenset((1,)), differs=frozenset((2,)))
_ATTESTATION = _Shape(inside={2: _map_of(), 3: _REF})
_RESULT = _Shape(
    ids=frozenset((1,)),
    inside={
        2: _Shape(inside={1: _Shape(ids=frozenset((_VALUE,)), entry=True)}),
        3: _REF,
        4: _Shape(inside={1: _map_of(_REF)}),
        10: _map_of(),
        12: _map_of(_Shape(inside={1: _ATTESTATION})),
    },
)
_STAT = _Shape(inside={10: _map_of()}, differs=frozenset((6,)))  # the time of modification
_BLOB = _Shape(inside={1: _Shape(inside={5: _map_of()})})
_META = _Shape(
    inside={1: _Shape(inside={2: _map_of()}), 2: _Shape(inside={3: _Shape(inside={5: _map_of(_BLOB)})})}
)

_REQUESTS = {
    "ReadFile": _ONE_ID,
    "ReadDir": _ONE_ID,
    "StatFile": _ONE_ID,
    "Evaluate": _ONE_ID,
    "Return": _Shape(inside={1: _RESULT}),
    "NewContainer": _Shape(inside={2: _Shape(ids=frozenset((23,)))}),
}
_ANSWERS = {
    "Solve": _Shape(ids=frozenset((1,)), inside={3: _RESULT}),
    "ResolveSourceMeta": _META,
    "ReadDir": _Shape(inside={1: _STAT}),
    "StatFile": _Shape(inside={1: _STAT}),
}


def translated(method: str, request: bytes, ids: Mapping[str, str]) -> bytes:
    """Return a request with another daemon's references. Raises ``Http2Error`` if it is malformed."""
    shape = _REQUESTS.get(method)
    return request if shape is None or not ids else _translated(memoryview(request), shape, ids)


def paired(method: str, before: bytes, now: bytes) -> Mapping[str, str] | None:
    """Map the references in one daemon's answer to those in another's; return None if the answers differ.

    Raises ``Http2Error`` for a malformed answer.
    """
    shape = _ANSWERS.get(method, _PLAIN)
    old, new = (dict(_values(memoryview(answer), shape, ())) for answer in (before, now))
    pairs: dict[str, str] = {}
    for place, (is_id, value) in old.items():
        other = new.get(place)
        if other is None or other[0] != is_id or (not is_id and other[1] != value):
            return None
        if is_id:
            pairs[_id(value)] = _id(other[1])
    return pairs if old.keys() == new.keys() else None


def is_failure(request: bytes) -> bool:
    """Say whether a packed ReturnRequest tells the daemon that the frontend has failed."""
    return any(number == _ERROR for number, _ in read(memoryview(request)))


def _translated(message: memoryview, shape: _Shape, ids: Mapping[str, str]) -> bytes:
    parts: list[bytes | memoryview] = []
    position = 0
    for number, start, value, end in fields_at(message):
        if message[start] & 7 != _LENGTH:
            continue
        data = message[value:end]
        if number in shape.ids:
            known = text(data)
            new = packed(number, ids.get(known, known).encode())
        elif (inside := shape.inside.get(number)) is not None:
            new = packed(number, _translated(data, inside, ids))
        else:
            continue
        parts += [message[position:start], new]
        position = end
    return b"".join([*parts, message[position:]])


def _values(message: memoryview, shape: _Shape, at: _Place) -> Iterator[tuple[_Place, tuple[bool, Value]]]:
    """Yield the values in a message, each with its place and whether it is an id."""
    counts: dict[int, int] = {}
    for number, value in read(message):
        if number in shape.differs:
            continue
        counts[number] = index = counts.get(number, -1) + 1
        inside = shape.inside.get(number)
        if inside is None or isinstance(value, int):
            is_id = number in shape.ids
            if not (is_id and _id(value) == ""):  # an empty reference may be sent or left out
                yield (*at, (number, index)), (is_id, value)
            continue
        name = _key(value) if inside.entry else index
        yield from _values(value, inside, (*at, (number, name)))


def _key(entry: memoryview) -> bytes:
    keys = (value for number, value in read(entry) if number == _KEY and not isinstance(value, int))
    return bytes(next(keys, b""))


def _id(value: Value) -> str:
    return "" if isinstance(value, int) else text(value)
