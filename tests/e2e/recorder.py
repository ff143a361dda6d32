"""What a daemon was told: a way to it that keeps every byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Recorder:
    """Passes connections on to a port on loopback; ``conversations`` are what went there by each.

    It listens ``at`` a port of its own, a free one if that is 0.
    """

    def __init__(self, port: int, at: int = 0) -> None:
        self.conversations: list[bytearray] = []
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", at))
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, name="recorder")]
        self._threads[0].start()

    @property
    def heard(self) -> bytes:
        """What went there by all connections."""
        return b"".join(self.conversations)

    @property
    def address(self) -> str:
        """Where to dial instead."""
        return f"tcp://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        """End every connection."""
        for sock in (self._listener, *self._sockets):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for sock in (self._listener, *self._sockets):
            sock.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._port))
            self._sockets += (near, far)
            self.conversations.append(bytearray())
            for ends in ((near, far, self.conversations[-1]), (far, near, bytearray())):
                self._threads.append(threading.Thread(target=self._pass_on, args=ends, name="recorder"))
                self._threads[-1].start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, heard: bytearray) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                heard += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


@contextmanager
def recording(port: int) -> Iterator[Recorder]:
    """Keep what a daemon on this port is told."""
    recorder = Recorder(port)
    try:
        yield recorder
    finally:
        recorder.close()
