"""One call of a method that is answered for the whole fleet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from router.cancellation import Cancellation
from router.model.frozen import frozen
from router.rpc.grpc import Status
from router.session.server import CallRefused

__all__ = ["Inquiry", "asked"]

_Message = TypeVar("_Message", bound=Message)


@frozen
class Inquiry:
    """``emit`` sends a message of the answer to ``request``, from the thread that answers. It waits while the
    client doesn't read, and raises ``CancelledError`` when it is gone, as ``cancellation`` is thrown then.
    ``hides`` says of a build's ref that this client may not know of it.
    """

    request: bytes
    emit: Callable[[bytes], None]
    cancellation: Cancellation
    hides: Callable[[str], bool]


def asked(message: _Message, request: bytes) -> _Message:
    """Fill a message from a client's request. Raises ``CallRefused`` where it is no such message."""
    try:
        message.ParseFromString(request)
    except DecodeError as exc:
        raise CallRefused(Status.INTERNAL, f"the request is no {type(message).__name__}") from exc
    return message
