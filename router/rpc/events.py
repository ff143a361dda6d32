"""What a peer says, as values, and the error for a peer that breaks the protocol.

Named tuples, because one is made for every frame that arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from router.errors import ConnectionLostError

__all__ = [
    "DataReceived",
    "ErrorCode",
    "Event",
    "GoAwayReceived",
    "Headers",
    "HeadersReceived",
    "Http2Error",
    "PingAcknowledged",
    "StrangerError",
    "StreamReset",
]

Headers = Sequence[tuple[bytes, bytes]]


class ErrorCode:
    """Section 7. Plain integers, as they travel."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    FLOW_CONTROL_ERROR = 0x3
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9


class Http2Error(ConnectionLostError):
    """The peer broke the protocol; the connection can't be used any more. ``code`` is of section 7."""

    default_reason = "protocol"

    def __init__(
        self, message: str, *, hint: str | None = None, code: int = ErrorCode.PROTOCOL_ERROR
    ) -> None:
        super().__init__(message, hint=hint)
        self.code = code


class StrangerError(Http2Error):
    """The peer began with something else than HTTP/2. The message reads after the peer's name."""


class HeadersReceived(NamedTuple):
    """A header block: a request, a response, or trailers."""

    stream_id: int
    headers: Headers
    ended: bool


class DataReceived(NamedTuple):
    """Bytes of a stream."""

    stream_id: int
    data: memoryview
    ended: bool


class StreamReset(NamedTuple):
    """One stream is over: the peer gave it up, or we did for what it sent there, and ``why`` says what.

    ``code`` is of section 7.
    """

    stream_id: int
    code: int
    why: str = ""


class GoAwayReceived(NamedTuple):
    """The peer takes no further streams; it never saw those above ``last_stream_id``."""

    last_stream_id: int
    code: int
    debug: bytes


class PingAcknowledged(NamedTuple):
    """The peer answered our PING."""


Event = HeadersReceived | DataReceived | StreamReset | GoAwayReceived | PingAcknowledged
