"""A connected socket as a ByteStream."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from contextlib import suppress

from router.errors import ConnectionLostError
from router.net.stream import Buffer

__all__ = ["RECEIVE_SIZE", "SocketStream", "describe_os_error", "lost"]

RECEIVE_SIZE = 1 << 20
_SMALL_RECEIVE = 1 << 16
# sendmsg refuses more with EMSGSIZE; the system's own limit is 1024 wherever we run.
_MOST_BUFFERS = 1024


class SocketStream:
    """A ByteStream over a connected stream socket, which it owns.

    ``peer`` names the far end in errors. ``received`` are bytes that were read from the socket already, such
    as those after the head of an HTTP answer.
    """

    def __init__(self, sock: socket.socket, peer: str, *, received: bytes = b"") -> None:
        sock.setblocking(False)
        self._socket = sock
        self._peer = peer
        self._received = received
        self._size = _SMALL_RECEIVE

    def __repr__(self) -> str:
        state = "closed" if self._socket.fileno() < 0 else "open"
        return f"<SocketStream {self._peer} {state}>"

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def recv(self) -> bytes | None:
        """Return what has arrived, at most 1 MiB. Raises ConnectionLostError."""
        if self._received:
            data, self._received = self._received, b""
            return data
        try:
            data = self._socket.recv(self._size)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as exc:
            raise lost(self._peer, exc) from exc
        # A large buffer costs more to allocate than a small message to read.
        self._size = RECEIVE_SIZE if len(data) == self._size else _SMALL_RECEIVE
        return data

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Hand as much as fits to the kernel in one call. Raises ConnectionLostError."""
        try:
            return self._socket.sendmsg(buffers[:_MOST_BUFFERS])
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as exc:
            raise lost(self._peer, exc) from exc

    def pending(self) -> bool:
        """Say whether bytes are held that were already read from the socket."""
        return bool(self._received)

    def wants_write(self) -> bool:
        """Say no: nothing is held back for sending."""
        return False

    def flush(self) -> None:
        """Do nothing: nothing is held back for sending."""

    def finish(self) -> bool:
        """Send the end of the stream."""
        with suppress(OSError):  # the far end may have closed first
            self._socket.shutdown(socket.SHUT_WR)
        return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def lost(peer: str, exc: OSError) -> ConnectionLostError:
    """Return the error for a connection to ``peer`` that was lost while in use."""
    return ConnectionLostError(f"lost the connection to {peer}: {describe_os_error(exc)}", temporary=True)


def describe_os_error(exc: OSError) -> str:
    """Return the meaning of an OSError, in lower case and without its number."""
    if isinstance(exc, TimeoutError):
        return "it stayed silent"
    text = os.strerror(exc.errno) if exc.errno and exc.errno > 0 else exc.strerror or str(exc)
    return text[:1].lower() + text[1:]
