"""Sockets that this process inherited, from systemd's socket activation.

https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
"""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack

from router.errors import UsageError
from router.model.address import TcpAddress, UnixAddress
from router.net.sockets import describe_os_error
from router.serving.accepting import ListeningSocket
from router.serving.listener import Admission, Listener
from router.serving.tcp_listening import tcp_listener
from router.serving.unix_listening import UnixListener

__all__ = ["admits_several_users", "inherited_sockets", "listen_inherited"]

_FIRST = 3
_MOST = 64


def inherited_sockets(environment: Mapping[str, str]) -> Sequence[socket.socket]:
    """Return the sockets that ``LISTEN_FDS`` counts, if ``LISTEN_PID`` is this process.

    The caller closes them. Raises ``UsageError`` for a descriptor that isn't a stream socket.
    """
    if environment.get("LISTEN_PID") != str(os.getpid()):
        return ()
    count = environment.get("LISTEN_FDS", "")
    if not count.isascii() or not count.isdigit() or int(count) > _MOST:
        raise UsageError(f'invalid LISTEN_FDS "{count}": not a small number')
    with ExitStack() as opened:
        found = [opened.enter_context(_socket(_FIRST + number)) for number in range(int(count))]
        opened.pop_all()
    return found


def admits_several_users(sock: socket.socket) -> bool:
    """Say whether more than one user can connect to an inherited socket, going by the mode of its file."""
    where = sock.getsockname()
    if sock.family != socket.AF_UNIX or not isinstance(where, str):
        return True  # a port, or a name that has no file
    try:
        mode = os.stat(where).st_mode
    except OSError:
        return True  # it has another name by now, and what mode isn't known
    return bool(mode & (stat.S_IWGRP | stat.S_IWOTH))


def listen_inherited(sock: socket.socket, admission: Admission, tell: Callable[[str], None]) -> Listener:
    """Accept clients on a socket that another process opened; its file mode stays unchanged.

    The listener then owns the socket. Raises ``UsageError`` for a TCP port that other machines can reach.
    """
    where = sock.getsockname()
    if sock.family != socket.AF_UNIX:
        return tcp_listener(sock, TcpAddress(host=where[0], port=where[1]), admission, tell)
    path = where if isinstance(where, str) else f"@{os.fsdecode(where[1:])}"
    return UnixListener(ListeningSocket(sock), UnixAddress(path=path), tell, user=None)


def _socket(number: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=number)
    except OSError as exc:
        raise UsageError(f"descriptor {number} of LISTEN_FDS is unusable: {describe_os_error(exc)}") from exc
    if sock.type != socket.SOCK_STREAM or sock.family not in {
        socket.AF_UNIX,
        socket.AF_INET,
        socket.AF_INET6,
    }:
        sock.detach()
        raise UsageError(
            f"descriptor {number} of LISTEN_FDS is not a stream socket",
            hint="use ListenStream= in the .socket unit",
        )
    sock.set_inheritable(False)
    return sock
