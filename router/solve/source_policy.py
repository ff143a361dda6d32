"""From a source policy's JSON to the message of BuildKit's API, packed. Pure.

The field names are those of the message; enumerations are written by name, or as a number:
https://github.com/moby/buildkit/blob/master/sourcepolicy/pb/policy.proto
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from router._proto import policy_pb2 as pb
from router.errors import UsageError
from router.untrusted_json import NotJSONError, read_json

__all__ = ["source_policy"]


def source_policy(text: str) -> bytes:
    """Return the packed Policy. Raises ``UsageError``, with the place of the error, for an invalid policy."""
    try:
        read = read_json(text)
    except NotJSONError as exc:
        raise _error("it", str(exc)) from exc
    policy = pb.Policy()
    _fill(policy, read, "the policy")
    return policy.SerializeToString(deterministic=True)


def _fill(message: Message, value: object, where: str) -> None:
    if not isinstance(value, dict):
        raise _error(where, "is not an object")
    fields = cast("Mapping[str, FieldDescriptor]", message.DESCRIPTOR.fields_by_name)
    for name, part in value.items():
        # BuildKit's own parser ignores the case of names.
        field = fields.get(str(name).lower())
        if field is None:
            raise _error(where, f'has no field "{name}" (the fields are {", ".join(fields)})')
        if part is not None:
            _set(message, field, part, f"{where}'s {name}")


def _set(message: Message, field: FieldDescriptor, value: object, where: str) -> None:
    kind = field.message_type
    if kind is None:
        setattr(message, field.name, _scalar(field, value, where))
    elif kind.GetOptions().map_entry:
        getattr(message, field.name).update(_texts(value, where))
    elif field.is_repeated:
        if not isinstance(value, list):
            raise _error(where, "is not a list")
        for index, item in enumerate(value):
            _fill(getattr(message, field.name).add(), item, f"{where}[{index}]")
    else:
        part = getattr(message, field.name)
        part.SetInParent()
        _fill(part, value, where)


def _texts(value: object, where: str) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise _error(where, "is not an object with string values")
    return value


def _scalar(field: FieldDescriptor, value: object, where: str) -> str | int:
    if field.type == FieldDescriptor.TYPE_STRING:
        if not isinstance(value, str):
            raise _error(where, "is not a string")
        return value
    names = field.enum_type.values_by_name if field.enum_type is not None else {}
    if isinstance(value, str) and value.upper() in names:
        return names[value.upper()].number
    most = 1 << 31 if names else 1 << 63
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < most:
        wanted = f"one of {', '.join(names)}" if names else "a number"
        raise _error(where, f"is not {wanted}")
    return value


def _error(where: str, why: str) -> UsageError:
    return UsageError(
        f"invalid source policy: {where} {why}",
        hint='for example: {"rules": [{"action": "DENY", "selector": {"identifier": "docker-image://*"}}]}',
    )
