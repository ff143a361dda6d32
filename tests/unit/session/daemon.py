"""A daemon's end of the session in memory: an HTTP/2 client whose bytes travel as BytesMessages."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping
from types import TracebackType

from router._proto.control_pb2 import BytesMessage
from router.net.stream import Buffer
from router.rpc.grpc import MessageReader, metadata, prefix
from router.rpc.http2 import DataReceived, Event, HeadersReceived, Http2Connection, StreamReset
from router.session.server import CallMetadata, SessionServer, StreamMethod, UnaryMethod


class Daemon:
    """Calls the methods of a session. ``statuses`` holds how each call ended: code and message."""

    def __init__(
        self,
        *,
        unary: Mapping[str, UnaryMethod] | None = None,
        streaming: Mapping[str, StreamMethod] | None = None,
    ) -> None:
        self.woken = threading.Event()
        self.session = SessionServer(unary=unary or {}, streaming=streaming or {}, wake=self.woken.set)
        self.http2 = Http2Connection(client=True)
        self.statuses: dict[int, tuple[int, str]] = {}
        self.resets: dict[int, int] = {}
        self.answers: dict[int, list[bytes]] = defaultdict(list)
        self._readers: dict[int, MessageReader] = defaultdict(MessageReader)

    def __enter__(self) -> Daemon:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.session.close()

    def call(self, path: str, *messages: bytes, end: bool = True, **values: str) -> int:
        """Begin a call; return its stream."""
        more = [(name.replace("_", "-").encode(), value.encode()) for name, value in values.items()]
        stream_id = self.http2.open_stream(request(path, *more))
        for message in messages:
            self.http2.send(stream_id, prefix(len(message)) + message)
        if end:
            self.http2.finish(stream_id)
        self.pump()
        return stream_id

    def send(self, stream_id: int, message: bytes) -> None:
        """Send one more message on a call that is not ended."""
        self.http2.send(stream_id, prefix(len(message)) + message)
        self.pump()

    def ask(self, path: str, request: bytes = b"") -> tuple[int, str]:
        """Call a unary method and return its status once it has one."""
        self.woken.clear()
        stream_id = self.call(path, request)
        if stream_id not in self.statuses:
            assert self.woken.wait(10)
            self.pump()
        return self.statuses[stream_id]

    def pump(self) -> None:
        """Move bytes both ways until nothing moves any more."""
        while self._to_session() | self._from_session():
            pass

    def say(self, wire: bytes) -> None:
        """Send bytes of the inner connection as they are."""
        self.session.receive(memoryview(BytesMessage(data=wire).SerializeToString()))

    def _to_session(self) -> bool:
        wire = b"".join(self.http2.take(1 << 20))
        if wire:
            self.say(wire)
        return bool(wire)

    def _from_session(self) -> bool:
        message = self.session.pull(1 << 20)
        if message is None:
            return False
        for event in self.http2.receive(unpacked(message)):
            self._hear(event)
        return True

    def _hear(self, event: Event) -> None:
        match event:
            case DataReceived(stream_id, data, _):
                self.answers[stream_id] += map(bytes, self._readers[stream_id].feed(data))
            case HeadersReceived(stream_id, headers, True):
                self.statuses[stream_id] = _status(metadata(headers))
            case StreamReset(stream_id, code):
                self.resets[stream_id] = code
            case _:
                pass


def request(path: str, *more: tuple[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """The head of a call, with these further headers."""
    return [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path.encode()),
        (b"content-type", b"application/grpc"),
        *more,
    ]


def unpacked(message: list[Buffer] | tuple[Buffer, ...] | object) -> bytes:
    """The data of one framed BytesMessage, as protobuf reads it."""
    assert isinstance(message, list | tuple)
    framed = b"".join(message)
    assert int.from_bytes(framed[1:5], "big") == len(framed) - 5
    return BytesMessage.FromString(framed[5:]).data


def _status(trailers: CallMetadata) -> tuple[int, str]:
    from urllib.parse import unquote

    return int(trailers["grpc-status"][-1]), unquote(trailers.get("grpc-message", [""])[-1])


class Echo:
    """A streaming call that sends back what it gets, and ends when the daemon does."""

    def __init__(self, _metadata: CallMetadata | None = None) -> None:
        self.done = False
        self.closed = 0
        self._waiting: list[bytes] = []
        self._ended = False

    def receive(self, message: memoryview) -> None:
        self._waiting.append(prefix(len(message)) + bytes(message))

    def end_of_input(self) -> None:
        self._ended = True

    def pull(self, _size: int) -> list[Buffer] | None:
        waiting: list[Buffer] = list(self._waiting)
        self._waiting.clear()
        self.done = self._ended
        return waiting or None

    def close(self) -> None:
        self.closed += 1
