"""Peers on loopback that the tests dial, and how to drive a nonblocking stream from a test."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from router.net.stream import Buffer, ByteStream

Handler = Callable[[socket.socket], None]
_PATIENCE = 20.0


@contextmanager
def peer(handler: Handler, *, listener: socket.socket | None = None) -> Iterator[int]:
    """Serve one connection after the other with ``handler`` on loopback; yield the port (0 for unix)."""
    listening = listener or socket.create_server(("127.0.0.1", 0))
    listening.settimeout(_PATIENCE)
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(_PATIENCE)
                # A client that goes away in the middle is what half of the tests are about.
                try:
                    handler(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield 0 if listening.family == socket.AF_UNIX else listening.getsockname()[1]
    finally:
        done.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(_PATIENCE)
        assert not thread.is_alive()


@contextmanager
def silent_port() -> Iterator[int]:
    """Yield a port that never answers a connection: the queue of its listener is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listening.getsockname())
            waiting.append(client)
        yield listening.getsockname()[1]
        for client in waiting:
            client.close()


def unused_port() -> int:
    """Return a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def read_all(sock: socket.socket) -> bytes:
    """Read a blocking socket to its end."""
    pieces = []
    while piece := sock.recv(1 << 16):
        pieces.append(piece)
    return b"".join(pieces)


def read_head(sock: socket.socket) -> bytes:
    """Read the head of an HTTP request, and nothing after it."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += sock.recv(1) or b"\r\n\r\n"
    return head


def drain(sock: socket.socket) -> None:
    """Read all, answer nothing."""
    read_all(sock)


def echo(sock: socket.socket) -> None:
    """Send back what arrives."""
    while piece := sock.recv(1 << 16):
        sock.sendall(piece)


def tls(context: ssl.SSLContext, handler: Handler) -> Handler:
    """Return a handler that speaks TLS first."""

    def secured(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as wrapped:
            handler(wrapped)

    return secured


def receive(stream: ByteStream, size: int) -> bytes:
    """Wait for ``size`` bytes, or for the end of the stream."""
    ends = time.monotonic() + _PATIENCE
    received = bytearray()
    while len(received) < size and time.monotonic() < ends:
        data = stream.recv()
        if data == b"":
            break
        if data is None:
            wait(stream, ends)
        else:
            received += data
    return bytes(received)


def transfer(stream: ByteStream, buffers: list[Buffer], *, expect: int) -> bytes:
    """Send all of ``buffers`` while reading; return what came back, ``expect`` bytes of it."""
    ends = time.monotonic() + _PATIENCE
    rest = memoryview(b"".join(buffers))
    received = bytearray()
    while (rest or stream.wants_write() or len(received) < expect) and time.monotonic() < ends:
        taken = stream.send([rest[:100_000], rest[100_000:300_000]]) if rest else 0
        rest = rest[taken:]
        stream.flush()
        data = stream.recv()
        if data == b"":
            break
        if data is not None:
            received += data
        elif not taken and not stream.pending():
            wait(stream, ends, writing=bool(rest) or stream.wants_write())
    return bytes(received)


def wait(stream: ByteStream, ends: float, *, writing: bool = False) -> None:
    """Wait until the stream's descriptor is ready."""
    if not stream.pending():
        left = max(0.0, ends - time.monotonic())
        select.select([stream], [stream] if writing else [], [], left)
