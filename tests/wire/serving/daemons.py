"""A daemon that answers what a test wants, when it wants it, and that goes away in every way there is."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from router.rpc.frames import goaway
from router.rpc.grpc import MessageReader, metadata, prefix, status_headers
from router.rpc.http2 import DataReceived, HeadersReceived, Http2Connection
from router.rpc.protobuf import field
from tests.wire.serving.peers import WITHIN


class Called:
    """A call that a daemon got; ``messages`` are what came with it."""

    def __init__(self, connection: Connection, stream_id: int, values: dict[str, list[str]]) -> None:
        self.connection = connection
        self.path = values[":path"][0]
        self.values = values
        self.messages: list[bytes] = []
        self.taken = False
        self._stream_id = stream_id
        self._reader = MessageReader()
        self._headed = False

    def take(self, data: memoryview) -> None:
        self.messages += [bytes(message) for message in self._reader.feed(data)]

    def reply(self, *messages: bytes) -> Called:
        """Send messages."""
        self.send(b"".join(prefix(len(message)) + message for message in messages))
        return self

    def send(self, data: bytes) -> None:
        """Send bytes of the answer as they are."""
        with self.connection.saying() as http2:
            if not self._headed:
                self._headed = True
                http2.send_headers(
                    self._stream_id, ((b":status", b"200"), (b"content-type", b"application/grpc"))
                )
            http2.send(self._stream_id, data)

    def end(self, code: int = 0, message: str = "") -> None:
        """End the call with a status."""
        self.send(b"")
        with self.connection.saying() as http2:
            http2.finish(self._stream_id, status_headers(code, message))

    def answer(self, message: bytes = b"") -> None:
        """Answer with one message."""
        self.reply(message).end()

    def call_client(self, path: str) -> None:
        """Of a Session call: call the client at its far end."""
        inner = Http2Connection(client=True)
        inner.open_stream(
            [
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":path", path.encode()),
                (b":authority", b"localhost"),
                (b"content-type", b"application/grpc"),
                (b"te", b"trailers"),
            ]
        )
        self.reply(field(1, b"".join(inner.take(1 << 20))))


class _Saying:
    """The connection, for as long as something is said on it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __enter__(self) -> Http2Connection:
        self._connection.lock.acquire()
        return self._connection.http2

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._connection.flush()
        self._connection.lock.release()


class Connection:
    """One that the daemon has accepted."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self.lock = threading.RLock()
        self.http2 = Http2Connection(client=False)
        self.silent = False

    def saying(self) -> _Saying:
        return _Saying(self)

    def flush(self) -> None:
        if not self.silent:
            self.socket.sendall(b"".join(self.http2.take(1 << 26)))


class Daemon:
    """Takes connections and calls; ``get`` waits for one of them."""

    def __init__(self) -> None:
        self.calls: list[Called] = []
        self.gone = 0
        self._silent = False
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self._connections: list[Connection] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self.hang_up()
        for thread in self._threads:
            thread.join(WITHIN)
        self._listener.close()
        for connection in self._connections:
            connection.socket.close()

    def get(self, path: str) -> Called:
        """Return the next call of this method whose request has come, each once."""
        found: list[Called] = []

        def came() -> bool:
            found[:] = [
                call
                for call in self.calls
                if call.path == path and not call.taken and (call.messages or path.endswith("Session"))
            ]
            return bool(found)

        self.wait(came)
        found[0].taken = True
        return found[0]

    def paths(self) -> list[str]:
        """What was called, in order."""
        with self._changed:
            return [call.path.rpartition("/")[2] for call in self.calls]

    def wait(self, until: Callable[[], bool]) -> None:
        """Return once something holds of the calls."""
        with self._changed:
            assert self._changed.wait_for(until, WITHIN), [call.path for call in self.calls]

    def leave(self) -> None:
        """Let nobody in any more, and hang up."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def hang_up(self, *, hard: bool = False) -> None:
        """End all connections, with a reset if ``hard``."""
        for connection in self._connections:
            with suppress(OSError):
                if hard:
                    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.socket.shutdown(socket.SHUT_RD)
                else:
                    connection.socket.shutdown(socket.SHUT_RDWR)

    def go_away(self) -> None:
        """Take no more calls on the connections that there are, and end what has begun."""
        for connection in self._connections:
            with connection.lock, suppress(OSError):
                connection.socket.sendall(goaway((1 << 31) - 1, 0))

    def fall_silent(self) -> None:
        """Say nothing more, whatever comes, to nobody."""
        self._silent = True
        for connection in self._connections:
            connection.silent = True

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection = Connection(self._listener.accept()[0])
                connection.silent = self._silent
                self._connections.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,), daemon=True))
                self._threads[-1].start()

    def _serve(self, connection: Connection) -> None:
        calls: dict[int, Called] = {}
        with suppress(OSError):
            with connection.lock:
                connection.flush()
            while data := connection.socket.recv(1 << 16):
                with connection.lock, self._changed:
                    for event in connection.http2.receive(data):
                        match event:
                            case HeadersReceived(stream_id, headers, _):
                                call = calls[stream_id] = Called(connection, stream_id, metadata(headers))
                                self.calls.append(call)
                            case DataReceived(stream_id, content, _):
                                calls[stream_id].take(content)
                            case _:
                                pass
                    self._changed.notify_all()
                    connection.flush()
        with self._changed:
            self.gone += 1
            self._changed.notify_all()
