"""A connection carried over this process's stdin and stdout, as ``buildctl dial-stdio`` does it."""

from __future__ import annotations

import os
import socket
import threading

from router.net.relay import relay
from router.net.sockets import SocketStream
from router.operations.connect import Connection

__all__ = ["dial_stdio"]

_CHUNK = 1 << 18


def dial_stdio(connection: Connection, *, stdin: int = 0, stdout: int = 1) -> None:
    """Carry ``connection`` over the descriptors until the daemon ends or stdout is closed.

    The end of stdin is handed on, and the daemon heard out. Raises what the connection raises.
    """
    # Threads that may block, because descriptors that are shared with others can't be made nonblocking.
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.setblocking(True)
        reader = threading.Thread(target=_read, args=(stdin, theirs), name="stdin", daemon=True)
        writer = threading.Thread(target=_write, args=(theirs, stdout), name="stdout", daemon=True)
        reader.start()
        writer.start()
        client = SocketStream(ours, "stdout")
        try:
            relay(client, connection.stream)
        finally:
            client.close()
            writer.join()  # what the daemon said last
            theirs.shutdown(socket.SHUT_RDWR)


def _read(stdin: int, sock: socket.socket) -> None:
    try:
        while data := os.read(stdin, _CHUNK):
            sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        return  # the other side is over


def _write(sock: socket.socket, stdout: int) -> None:
    try:
        while data := sock.recv(_CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(stdout, view) :]
    except OSError:
        sock.shutdown(socket.SHUT_RDWR)  # nobody listens any more
