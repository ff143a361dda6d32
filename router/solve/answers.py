"""Answers of a daemon as generated classes, for what is asked off the path of a build.

To import this module takes protobuf's runtime along, some 30 ms.
"""

from __future__ import annotations

from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from router._proto import control_pb2 as pb
from router.errors import RpcError
from router.rpc.grpc import MAX_MESSAGE, Status

__all__ = ["disk_usage", "info", "parsed", "usage_record", "workers"]

_Message = TypeVar("_Message", bound=Message)

# What a daemon says of itself takes some thousand bytes. Fields that are empty take fifty times their size.
_LARGEST = 1 << 20


def workers(data: bytes) -> pb.ListWorkersResponse:
    """Read the workers and their platforms. Raises ``RpcError``."""
    return parsed(pb.ListWorkersResponse(), data, most=_LARGEST)


def info(data: bytes) -> pb.InfoResponse:
    """Read the daemon's version. Raises ``RpcError``."""
    return parsed(pb.InfoResponse(), data, most=_LARGEST)


def disk_usage(data: bytes) -> pb.DiskUsageResponse:
    """Read the records of the store. Raises ``RpcError``."""
    return parsed(pb.DiskUsageResponse(), data)


def usage_record(data: bytes) -> pb.UsageRecord:
    """Read one record of the store. Raises ``RpcError``."""
    return parsed(pb.UsageRecord(), data, most=_LARGEST)


def parsed(message: _Message, data: bytes, *, most: int = MAX_MESSAGE) -> _Message:
    """Fill a message from what the daemon answered; what is no such message is the daemon's fault.

    Raises ``RpcError``, also for more than ``most`` bytes.
    """
    if len(data) > most:
        raise RpcError(f"the daemon's answer has {len(data)} bytes", code=Status.RESOURCE_EXHAUSTED)
    try:
        message.ParseFromString(data)
    except DecodeError as exc:
        raise RpcError(
            f"the daemon's answer is no {type(message).__name__}",
            code=Status.INTERNAL,
            hint="is it a buildkitd?",
        ) from exc
    return message
