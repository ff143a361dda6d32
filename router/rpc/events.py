"""What a peer says, as values, and the error for a peer that breaks the protocol.

Named tuples, because one is made for every frame that arrives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from router.errors import ConnectionLostError

__all__ = [
    "DataReceived",
    "Event",
    "GoAwayReceived",
    "Headers",
    "HeadersReceived",
    "Http2Error",
    "PingAcknowledged",
    "StreamReset",
]

Headers = Sequence[tuple[bytes, bytes]]


class Http2Error(ConnectionLostError):
    """The peer broke the protocol; the connection can't be used any more."""

    default_reason = "protocol"


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
    """The peer gave one stream up; ``code`` is of section 7."""

    stream_id: int
    code: int


class GoAwayReceived(NamedTuple):
    """The peer takes no further streams; it never saw those above ``last_stream_id``."""

    last_stream_id: int
    code: int
    debug: bytes


class PingAcknowledged(NamedTuple):
    """The peer answered our PING."""


Event = HeadersReceived | DataReceived | StreamReset | GoAwayReceived | PingAcknowledged
