"""A source policy's JSON -> the message of BuildKit's API, packed. Pure.

The names are those of the message's JSON form, in lower case with underscores; enumerations are written by
name, or as a number: https://github.com/moby/buildkit/blob/master/sourcepolicy/pb/policy.proto
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from router.errors import UsageError
from router.notation.varint import varint
from router.rpc.protobuf import field, map_fields
from router.untrusted_json import NotJSONError, read_json

__all__ = ["source_policy"]

_ACTIONS = ("ALLOW", "DENY", "CONVERT")
_MATCHES = ("WILDCARD", "EXACT", "REGEX")
_CONDITIONS = ("EQUAL", "NOTEQUAL", "MATCHES")

_Packer = Callable[[object, str], bytes]


def source_policy(text: str) -> bytes:
    """Return the packed Policy. Raises ``UsageError`` for what is no policy, saying where."""
    try:
        policy = read_json(text)
    except NotJSONError as exc:
        raise _error("it", str(exc)) from exc
    return _message(_POLICY)(policy, "the policy")


def _message(fields: Mapping[str, _Packer]) -> _Packer:
    def pack(value: object, where: str) -> bytes:
        if not isinstance(value, dict):
            raise _error(where, "is no object")
        parts = []
        for name, part in value.items():
            # BuildKit's own reader takes a name in any case.
            packer = fields.get(str(name).lower())
            if packer is None:
                raise _error(where, f'has no field "{name}" (the fields are {", ".join(fields)})')
            if part is not None:
                parts.append(packer(part, f"{where}'s {name}"))
        return b"".join(parts)

    return pack


def _submessage(number: int, fields: Mapping[str, _Packer]) -> _Packer:
    pack = _message(fields)
    return lambda value, where: field(number, pack(value, where))


def _repeated(packer: _Packer) -> _Packer:
    def pack(value: object, where: str) -> bytes:
        if not isinstance(value, list):
            raise _error(where, "is no list")
        return b"".join(packer(item, f"{where}[{index}]") for index, item in enumerate(value))

    return pack


def _text(number: int) -> _Packer:
    def pack(value: object, where: str) -> bytes:
        if not isinstance(value, str):
            raise _error(where, "is no text")
        return field(number, value)

    return pack


def _texts(number: int) -> _Packer:
    def pack(value: object, where: str) -> bytes:
        if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
            raise _error(where, "is no object of texts")
        return map_fields(number, value)

    return pack


def _number(number: int, names: tuple[str, ...] = ()) -> _Packer:
    def pack(value: object, where: str) -> bytes:
        if isinstance(value, str) and value.upper() in names:
            value = names.index(value.upper())
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 63:
            wanted = f"one of {', '.join(names)}" if names else "a number"
            raise _error(where, f"is not {wanted}")
        return varint(number << 3) + varint(value)

    return pack


def _error(where: str, why: str) -> UsageError:
    return UsageError(
        f"invalid source policy: {where} {why}",
        hint='for example: {"rules": [{"action": "DENY", "selector": {"identifier": "docker-image://*"}}]}',
    )


_CONSTRAINT = {"key": _text(1), "value": _text(2), "condition": _number(3, _CONDITIONS)}
_SELECTOR = {
    "identifier": _text(1),
    "match_type": _number(2, _MATCHES),
    "constraints": _repeated(_submessage(3, _CONSTRAINT)),
}
_UPDATE = {"identifier": _text(1), "attrs": _texts(2)}
_RULE = {
    "action": _number(1, _ACTIONS),
    "selector": _submessage(2, _SELECTOR),
    "updates": _submessage(3, _UPDATE),
}
_POLICY = {"version": _number(1), "rules": _repeated(_submessage(2, _RULE))}
