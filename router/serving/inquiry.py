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
    """``emit`` sends a message of the answer to ``request``, from the answering thread. It blocks while the
    client doesn't read, and raises ``CancelledError`` once the client is gone, which also triggers
    ``cancellation``. ``hides`` says whether this client may not see a build, by its ref.
    """

    request: bytes
    emit: Callable[[bytes], None]
    cancellation: Cancellation
    hides: Callable[[str], bool]


def asked(message: _Message, request: bytes) -> _Message:
    """Fill a message from a client's request. Raises ``CallRefused`` if it is malformed."""
    try:
        message.ParseFromString(request)
    except DecodeError as exc:
        raise CallRefused(Status.INTERNAL, f"the request is not a {type(message).__name__}") from exc
    return message
