"""A daemon as a unix socket of this machine, for programs that can't reach it by themselves."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Self

from router.cancellation import Cancellation
from router.closing import Closing
from router.errors import RouterError
from router.net.private_socket import PrivateSocket
from router.net.relay import relay
from router.net.sockets import SocketStream
from router.net.stream import ByteStream
from router.operations.connect import Connection
from router.transport import dial
from router.transport.options import DialOptions

__all__ = ["DaemonSocket"]

_LEAVE = 2.0
# A server of gRPC hangs up on a client that says nothing for two minutes.
_FRESH = 10.0


class DaemonSocket(Closing):
    """A socket in a directory that only this user may enter; each connection to it is one to the daemon.

    The first, if it comes soon, gets ``connection``, which stays the caller's to close; for each other one
    the daemon is dialled. A context manager that serves until it is left, and removes the directory. ``tell``
    hears, from another thread, why a connection failed.
    """

    def __init__(self, connection: Connection, options: DialOptions, tell: Callable[[str], None]) -> None:
        self._daemon = connection.daemon
        self._spare: Connection | None = connection
        self._spare_until = time.monotonic() + _FRESH
        self._options = options
        self._tell = tell
        self._stop = Cancellation()
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._listening = PrivateSocket()
        self.path = self._listening.path
        self._acceptor = threading.Thread(target=self._accept, name="accept", daemon=True)

    @property
    def url(self) -> str:
        """The address as BUILDKIT_HOST takes it."""
        return f"unix://{self.path}"

    def close(self) -> None:
        """Cut the connections that are left, and remove the socket."""
        self._stop.cancel("closed")
        self._listening.interrupt()
        self._acceptor.join()
        self._listening.close()
        ends = time.monotonic() + _LEAVE
        with self._lock:
            threads = tuple(self._threads)
        for thread in threads:
            thread.join(max(0.0, ends - time.monotonic()))
        # One that is dialling hears of the end only then; what it holds goes with the process.
        if not any(thread.is_alive() for thread in threads):
            self._stop.close()

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def _accept(self) -> None:
        while not self._stop.cancelled:
            try:
                connection = self._listening.accept()
            except OSError:
                return  # closed
            thread = threading.Thread(target=self._serve, args=(connection,), name="relay", daemon=True)
            with self._lock:
                self._threads.add(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        client = SocketStream(connection, "a client")
        try:
            daemon = self._take_spare() or dial(self._daemon.address, self._options)
            try:
                relay(client, daemon, cancellation=self._stop)
            finally:
                daemon.close()
        except RouterError as exc:
            self._tell(self._daemon.naming(str(exc)))
        finally:
            client.close()
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _take_spare(self) -> ByteStream | None:
        with self._lock:
            spare, self._spare = self._spare, None
        return spare.stream if spare is not None and time.monotonic() < self._spare_until else None
