"""A daemon's answers as generated classes, for questions off the path of a build.

Importing this module loads protobuf's runtime, some 30 ms.
"""

from __future__ import annotations

from functools import cache
from typing import TypeVar, cast

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message

from router._proto import control_pb2 as pb
from router.errors import RpcError
from router.net.deadline import Deadline
from router.rpc.events import Http2Error
from router.rpc.grpc import MAX_MESSAGE, Status
from router.rpc.protobuf import read

__all__ = ["disk_usage", "info", "parsed", "usage_record", "workers"]

_Message = TypeVar("_Message", bound=Message)

# A daemon describes itself in a few thousand bytes. Empty fields take fifty times their size.
_LARGEST = 1 << 20
# The limit for fields of an answer, nested ones included, for the same reason. A cache record has some 15.
_MOST_FIELDS = 100_000
_MOST_FIELDS_OF_A_STORE = 1_000_000


def workers(data: bytes) -> pb.ListWorkersResponse:
    """Read the workers and their platforms. Raises ``RpcError``."""
    return parsed(pb.ListWorkersResponse(), data, most=_LARGEST)


def info(data: bytes) -> pb.InfoResponse:
    """Read the daemon's version. Raises ``RpcError``."""
    return parsed(pb.InfoResponse(), data, most=_LARGEST)


def disk_usage(data: bytes, deadline: Deadline) -> pb.DiskUsageResponse:
    """Read the records of the build cache, 100,000 at most. Raises ``RpcError``, also past the deadline."""
    return parsed(pb.DiskUsageResponse(), data, fields=_MOST_FIELDS_OF_A_STORE, deadline=deadline)


def usage_record(data: bytes) -> pb.UsageRecord:
    """Read one record of the build cache. Raises ``RpcError``."""
    return parsed(pb.UsageRecord(), data, most=_LARGEST)


def parsed(
    message: _Message,
    data: bytes,
    *,
    most: int = MAX_MESSAGE,
    fields: int = _MOST_FIELDS,
    deadline: Deadline | None = None,
) -> _Message:
    """Fill a message from the daemon's answer; a malformed answer is the daemon's fault.

    Raises ``RpcError``, also for more than ``most`` bytes or ``fields`` fields, and past the deadline.
    """
    if len(data) > most:
        raise RpcError(
            f"the daemon's answer is too large ({len(data)} bytes)", code=Status.RESOURCE_EXHAUSTED
        )
    try:
        _require_few(memoryview(data), cast("Descriptor", message.DESCRIPTOR), fields, deadline)
        message.ParseFromString(data)
    except TimeoutError as exc:
        raise RpcError(
            f"the daemon's answer of {len(data)} bytes took too long to read",
            code=Status.DEADLINE_EXCEEDED,
        ) from exc
    except (DecodeError, Http2Error) as exc:
        raise RpcError(
            f"the daemon's answer is not a {type(message).__name__}",
            code=Status.INTERNAL,
            hint="check that the address is a buildkitd",
        ) from exc
    return message


def _require_few(data: memoryview, kind: Descriptor, most: int, deadline: Deadline | None) -> None:
    """Raise ``RpcError`` if a message has more than ``most`` fields, nested ones included."""
    waiting, left = [(data, kind)], most
    while waiting:
        if deadline is not None:
            deadline.remaining()
        message, kind = waiting.pop()
        within = _messages_of(kind)
        for number, value in read(message):
            left -= 1
            if left < 0:
                raise RpcError(
                    f"the daemon's answer has more than {most} fields", code=Status.RESOURCE_EXHAUSTED
                )
            if value and not isinstance(value, int) and number in within:
                waiting.append((value, within[number]))


@cache
def _messages_of(kind: Descriptor) -> dict[int, Descriptor]:
    """Return the fields of a message type that are messages themselves."""
    return {each.number: each.message_type for each in kind.fields if each.message_type is not None}
