"""A session that a real gRPC client can call: its bytes on a unix socket, in BytesMessages in between."""

from __future__ import annotations

import os
import selectors
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from router._proto.control_pb2 import BytesMessage
from router.session.server import SessionServer, StreamMethod, UnaryMethod

# What grpchijack, BuildKit's end of the session, reads at once.
_CHUNK = 32 * 1024


class Bridge:
    """Serves one connection to ``target`` in a thread of its own."""

    def __init__(
        self,
        directory: Path,
        *,
        unary: Mapping[str, UnaryMethod] | None = None,
        streaming: Mapping[str, StreamMethod] | None = None,
    ) -> None:
        path = directory / "session.sock"
        self.target = f"unix:{path}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._wake_read, self._wake_write = os.pipe()
        self.session = SessionServer(unary=unary or {}, streaming=streaming or {}, wake=self._wake)
        self._outgoing = memoryview(b"")
        self._thread = threading.Thread(target=self._serve, name="bridge")

    def __enter__(self) -> Bridge:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Wakes accept() where no client ever came.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _wake(self) -> None:
        os.write(self._wake_write, b"\0")

    def _serve(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        with connection, selectors.DefaultSelector() as selector:
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ)
            selector.register(self._wake_read, selectors.EVENT_READ)
            while self._step(connection, selector):
                pass
        self.session.close()

    def _step(self, connection: socket.socket, selector: selectors.BaseSelector) -> bool:
        self._send(connection)
        interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)
        selector.modify(connection, interest)
        for key, events in selector.select(20):
            if key.fd == self._wake_read:
                os.read(self._wake_read, 1000)
            elif events & selectors.EVENT_READ:
                try:
                    data = connection.recv(_CHUNK)
                except ConnectionError:
                    return False
                if not data:
                    return False
                self.session.receive(memoryview(BytesMessage(data=data).SerializeToString()))
        return True

    def _send(self, connection: socket.socket) -> None:
        while True:
            if not self._outgoing:
                message = self.session.pull(1 << 20)
                if message is None:
                    return
                framed = b"".join(message)
                self._outgoing = memoryview(BytesMessage.FromString(framed[5:]).data)
            try:
                self._outgoing = self._outgoing[connection.send(self._outgoing) :]
            except (BlockingIOError, BrokenPipeError):
                return
