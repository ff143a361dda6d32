"""Both sides of an endpoint: clients that say what they like, and a daemon that only listens."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

from router.backends import Backend
from router.build import Relayed
from router.cancellation import Cancellation
from router.model.events import Event as Told
from router.model.result import BuildResult
from router.net.sockets import SocketStream
from router.rpc.grpc import metadata, prefix
from router.rpc.http2 import (
    DataReceived,
    Event,
    GoAwayReceived,
    HeadersReceived,
    Http2Connection,
    StreamReset,
)
from router.serving.client import Relays, Services
from router.serving.endpoint import Endpoint
from router.serving.fleet_calls import FleetMethod

CONTROL = "/moby.buildkit.v1.Control/"
BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge/"
HEALTH = "/grpc.health.v1.Health/Check"
SERVING = b"\x08\x01"
WITHIN = 10.0


@dataclass(kw_only=True)
class Answer:
    """What came on a stream. ``reset`` is the code of RST_STREAM, None where it ended otherwise."""

    headers: dict[str, list[str]] = field(default_factory=dict)
    data: bytearray = field(default_factory=bytearray)
    ended: bool = False
    reset: int | None = None

    @property
    def status(self) -> tuple[int, str]:
        """gRPC's code and message."""
        return int(self.headers["grpc-status"][0]), self.headers.get("grpc-message", [""])[0]

    @property
    def messages(self) -> list[bytes]:
        """The messages that came."""
        found, left = [], bytes(self.data)
        while left:
            size = int.from_bytes(left[1:5], "big")
            found.append(left[5 : 5 + size])
            left = left[5 + size :]
        return found


class Talker:
    """A client: it speaks proper HTTP/2, unless it is given bytes to say."""

    def __init__(self, sock: socket.socket) -> None:
        sock.settimeout(WITHIN)
        self.socket = sock
        self.http2 = Http2Connection(client=True)
        self.goaway: int | None = None
        self.closed = False
        self.answers: dict[int, Answer] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def call(self, path: str, *messages: bytes, end: bool = True, **values: str) -> int:
        """Begin a call; return its stream."""
        given = {"content_type": "application/grpc", **values}
        named = [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()]
        stream_id = self.http2.open_stream(
            [
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", path.encode()),
                (b":authority", b"localhost"),
                (b"te", b"trailers"),
                *named,
            ]
        )
        self.answers[stream_id] = Answer()
        for message in messages:
            self.http2.send(stream_id, prefix(len(message)) + message)
        if end:
            self.http2.finish(stream_id)
        self.say()
        return stream_id

    def session(self, uuid: str) -> int:
        """Open a session."""
        return self.call(CONTROL + "Session", end=False, x_docker_expose_session_uuid=uuid)

    def say(self, *raw: bytes) -> None:
        """Send what is to be sent, then bytes as they are."""
        self.socket.sendall(b"".join([*self.http2.take(1 << 26), *raw]))

    def answer(self, stream_id: int) -> Answer:
        """Return what came on a stream, whole."""
        self.hear(lambda: self.answers[stream_id].ended or self.closed)
        return self.answers[stream_id]

    def ask(self, path: str, *messages: bytes, **values: str) -> Answer:
        """Make a call, and return its answer."""
        return self.answer(self.call(path, *messages, end=True, **values))

    def hear(self, until: Callable[[], bool]) -> None:
        """Listen until something holds."""
        deadline = time.monotonic() + WITHIN
        while not until():
            assert time.monotonic() < deadline
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                data = b""
            if not data:
                self.closed = True
                continue
            for event in self.http2.receive(data):
                self._take(event)
            with suppress(OSError):  # it may be gone by now
                self.say()

    def read_on(self) -> None:
        """Read to the end, and say nothing."""
        while self.socket.recv(1 << 16):
            pass

    def can_not_say(self, raw: bytes) -> bool:
        """Say something again and again, until the endpoint hangs up."""
        try:
            while True:
                self.socket.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            return True

    def is_hung_up_on(self) -> bool:
        """Listen until the endpoint hangs up."""
        self.hear(lambda: self.closed)
        return self.closed

    def _take(self, event: Event) -> None:
        match event:
            case HeadersReceived(stream_id, headers, ended):
                self.answers[stream_id].headers |= metadata(headers)
                self.answers[stream_id].ended |= ended
            case DataReceived(stream_id, data, ended):
                self.answers[stream_id].data += data
                self.answers[stream_id].ended |= ended
            case StreamReset(stream_id, code, _):
                self.answers[stream_id].reset = code
                self.answers[stream_id].ended = True
            case GoAwayReceived(_, code, _):
                self.goaway = code
            case _:
                pass


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """A client that came in."""

    stream: SocketStream
    who: str
    description: str


class Door:
    """Where clients come in that a test makes."""

    address = "test"

    def __init__(self) -> None:
        self._waiting: queue.Queue[Accepted | None] = queue.Queue()

    def enter(self, who: str = "me") -> Talker:
        """Return a client that has come in."""
        near, far = socket.socketpair()
        self._waiting.put(Accepted(stream=SocketStream(far, who), who=who, description=f"client of {who}"))
        return Talker(near)

    def accept(self) -> Accepted | None:
        return self._waiting.get()

    def stop(self) -> None:
        self._waiting.put(None)

    def close(self) -> None:
        """There is no socket."""


class Busy:
    """Finds no daemon until the client gives up; ``begun`` are the builds."""

    def __init__(self) -> None:
        self.begun: queue.Queue[Relayed] = queue.Queue()
        self.ended: queue.Queue[Relayed] = queue.Queue()

    def relay(
        self,
        relayed: Relayed,
        _backend: Backend,
        *,
        on_event: Callable[[Told], None],  # noqa: ARG002 - nothing is told
        cancellation: Cancellation,
    ) -> BuildResult:
        self.begun.put(relayed)
        try:
            cancellation.sleep(60.0)
        finally:
            self.ended.put(relayed)
        raise AssertionError("nobody gave up")


@contextmanager
def endpoint(
    router: Relays | None = None, methods: Mapping[str, FleetMethod] | None = None, *, shared: bool = False
) -> Iterator[Door]:
    """Serve whoever enters, and close it at the end, whatever is under way."""
    door = Door()
    with Endpoint([door], Services(router=router or Busy(), methods=methods or {}, shared=shared)) as serving:
        serving.start()
        yield door


class ListeningDaemon:
    """Takes every call and answers none; ``calls`` are their paths and metadata, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, list[str]]]] = []
        self.gone = threading.Event()
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in (self._listener, *self._connections):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(WITHIN)
        for sock in (self._listener, *self._connections):
            sock.close()

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def wait(self, until: Callable[[Sequence[tuple[str, dict[str, list[str]]]]], bool]) -> None:
        """Return once the calls are such."""
        with self._changed:
            assert self._changed.wait_for(lambda: until(self.calls), WITHIN)

    @property
    def sessions(self) -> set[str]:
        """The sessions that it was offered."""
        return {
            values["x-docker-expose-session-uuid"][0]
            for path, values in self.calls
            if path == CONTROL + "Session"
        }

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._connections.append(self._listener.accept()[0])
                self._threads.append(
                    threading.Thread(target=self._serve, args=(self._connections[-1],), daemon=True)
                )
                self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        http2 = Http2Connection(client=False)
        with suppress(OSError):
            sock.sendall(b"".join(http2.take(1 << 20)))
            while data := sock.recv(1 << 16):
                for event in http2.receive(data):
                    if isinstance(event, HeadersReceived):
                        values = metadata(event.headers)
                        with self._changed:
                            self.calls.append((values[":path"][0], values))
                            self._changed.notify_all()
                sock.sendall(b"".join(http2.take(1 << 20)))
        self.gone.set()
