"""What a client has said on a connection that a recorder has kept: its calls, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.rpc.grpc import MessageReader, metadata
from router.rpc.http2 import DataReceived, HeadersReceived, Http2Connection

_PIECE = 1 << 14


@dataclass(kw_only=True)
class SpokenCall:
    """One call: its method, its headers, its messages."""

    method: str
    headers: Mapping[str, Sequence[str]]
    messages: list[bytes] = field(default_factory=list)


def calls_of(conversation: bytes) -> list[SpokenCall]:
    """Return the calls of one connection."""
    connection = Http2Connection(client=False)
    calls: dict[int, SpokenCall] = {}
    readers: dict[int, MessageReader] = {}
    for start in range(0, len(conversation), _PIECE):
        for event in connection.receive(conversation[start : start + _PIECE]):
            match event:
                case HeadersReceived(stream_id=stream, headers=headers):
                    values = metadata(headers)
                    calls.setdefault(stream, SpokenCall(method=values[":path"][0], headers=values))
                    readers.setdefault(stream, MessageReader())
                case DataReceived(stream_id=stream, data=data):
                    calls[stream].messages += map(bytes, readers[stream].feed(data))
        connection.take(0)  # answers that nobody is sent
    return list(calls.values())
