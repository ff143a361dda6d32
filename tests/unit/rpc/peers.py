"""The h2 package as the far end of our HTTP/2 connection, in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived as H2Data
from h2.events import Event as H2Event
from h2.settings import SettingCodes

from router.net.stream import Buffer
from router.rpc.http2 import DataReceived, Event, Headers, Http2Connection

REQUEST = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/service/Method"),
    (b":authority", b"localhost"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
]
RESPONSE = [(b":status", b"200"), (b"content-type", b"application/grpc")]
TRAILERS = [(b"grpc-status", b"0"), (b"grpc-message", b"fine")]


class Pair:
    """Our connection and h2's, with everything that either heard.

    ``h2_reads`` is how h2 gives credit for what it has read; by default it does so at once.
    """

    def __init__(
        self,
        *,
        client: bool,
        settings: Mapping[int, int] | None = None,
        h2_reads: Callable[[H2Connection, H2Data], None] | None = None,
    ) -> None:
        self.ours = Http2Connection(client=client)
        self.h2 = H2Connection(H2Configuration(client_side=not client, header_encoding=None))
        self.heard: list[Event] = []
        self.h2_heard: list[H2Event] = []
        self.body: dict[int, bytearray] = defaultdict(bytearray)
        self.h2_body: dict[int, bytearray] = defaultdict(bytearray)
        self._h2_reads = h2_reads or _give_credit
        self.h2.initiate_connection()
        if settings:
            self.h2.update_settings({SettingCodes(code): value for code, value in settings.items()})
            self.pump()

    def pump(self, *, size: int = 1 << 20) -> None:
        """Move bytes both ways until nothing moves any more."""
        while self.to_h2(size=size) | self.to_us():
            pass

    def to_h2(self, *, size: int = 1 << 20) -> bool:
        """Let h2 hear what we have to say; say whether it was anything."""
        sent = joined(self.ours.take(size))
        for event in self.h2.receive_data(sent) if sent else ():
            self.h2_heard.append(event)
            if isinstance(event, H2Data):
                self.h2_body[event.stream_id] += event.data or b""
                self._h2_reads(self.h2, event)
        return bool(sent)

    def to_us(self) -> bool:
        """Hear what h2 has to say; say whether it was anything."""
        sent = self.h2.data_to_send()
        for event in self.ours.receive(sent) if sent else ():
            self.heard.append(event)
            if isinstance(event, DataReceived):
                self.body[event.stream_id] += event.data
        return bool(sent)

    def request(self, headers: Headers = REQUEST, *, end: bool = False) -> int:
        """Open a stream from whichever side is the client, and let the other one hear of it."""
        if self.h2.config.client_side:
            stream_id = self.h2.get_next_available_stream_id()
            self.h2.send_headers(stream_id, list(headers), end_stream=end)
        else:
            stream_id = self.ours.open_stream(headers)
            if end:
                self.ours.finish(stream_id)
        self.pump()
        return stream_id

    def heard_of(self, kind: type[Event]) -> list[Event]:
        """What we heard of one kind."""
        return [event for event in self.heard if isinstance(event, kind)]

    def h2_heard_of(self, kind: type[H2Event]) -> list[H2Event]:
        """What h2 heard of one kind."""
        return [event for event in self.h2_heard if isinstance(event, kind)]


class Pieces:
    """A source that gives these pieces, one at each pull."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.left = list(pieces)
        self.asked: list[int] = []

    def pull(self, size: int) -> list[Buffer] | None:
        self.asked.append(size)
        return [self.left.pop(0)] if self.left else None


class Endless:
    """A source that always has as much as it is asked for."""

    def __init__(self, byte: bytes = b"e") -> None:
        self.given = 0
        self._byte = byte

    def pull(self, size: int) -> list[Buffer]:
        self.given += size
        return [self._byte * size]


def joined(buffers: Sequence[Buffer]) -> bytes:
    """What these buffers say."""
    return b"".join(buffers)


def plain(events: Sequence[Event]) -> list[tuple[object, ...]]:
    """Events as values that can be compared after their views are gone."""
    return [(type(event).__name__, *map(_lasting, _parts(event))) for event in events]


def _parts(event: Event) -> Iterator[object]:
    return (getattr(event, name) for name in event.__match_args__)


def _lasting(part: object) -> object:
    return bytes(part) if isinstance(part, memoryview) else part


def _give_credit(connection: H2Connection, event: H2Data) -> None:
    if event.flow_controlled_length:
        connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id or 0)
