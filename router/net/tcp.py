"""TCP connections: names with several addresses are tried side by side, IPv4 and IPv6 alike (RFC 8305)."""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import zip_longest
from typing import Any

from router.descriptors import limit_hint
from router.errors import DialError, os_reason
from router.net.deadline import Deadline
from router.net.sockets import describe_os_error

__all__ = ["connect_tcp", "look_up", "prepare_tcp"]

# RFC 8305, section 8: how long an attempt runs alone before the next one starts beside it.
_ATTEMPT_DELAY = 0.25
# A path that drops packets is noticed within a minute of silence, not after the kernel's two hours.
_KEEPALIVE = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 4}

# A family, and the address that connect() takes for it.
_Target = tuple[socket.AddressFamily, tuple[Any, ...]]


def connect_tcp(
    host: str, port: int, peer: str, deadline: Deadline, *, listener: str = "the daemon"
) -> socket.socket:
    """Return a connected blocking socket; ``peer`` names it in errors, ``listener`` the program on that port.

    Raises DialError.
    """
    try:
        sock = _race(_resolve(host, port, deadline), deadline)
    except socket.gaierror as exc:
        fault = "is not known" if exc.errno == socket.EAI_NONAME else f"can't be resolved: {os_reason(exc)}"
        raise DialError(
            f"can't connect to {peer}: the name {host} {fault}",
            hint="check the name, and that this machine's DNS resolves it",
            reason="name",
            temporary=exc.errno == socket.EAI_AGAIN,
        ) from exc
    except TimeoutError as exc:
        raise DialError(
            f"can't connect to {peer}: no answer within {deadline.seconds:g} s",
            hint="check that the host is up, and that no firewall or network policy blocks the port",
            reason="timeout",
            temporary=True,
        ) from exc
    except OSError as exc:
        raise DialError(
            f"can't connect to {peer}: {describe_os_error(exc)}",
            hint=limit_hint(exc) or f"check the port, and that {listener} is listening there",
            reason="refused" if exc.errno == errno.ECONNREFUSED else None,
            temporary=True,
        ) from exc
    sock.setblocking(True)
    prepare_tcp(sock)
    return sock


def prepare_tcp(sock: socket.socket) -> None:
    """Make a connected socket send at once, and notice a broken path. Raises OSError."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _resolve(host: str, port: int, deadline: Deadline) -> Sequence[_Target]:
    """Resolve the name; families alternate, beginning with the one that the system prefers."""
    try:
        found = _ask(host, port, socket.AI_NUMERICHOST)
    except socket.gaierror:
        found = look_up(host, port, deadline)
    preferred = [target for target in found if target[0] == found[0][0]]
    other = [target for target in found if target[0] != found[0][0]]
    return [target for pair in zip_longest(preferred, other) for target in pair if target is not None]


def look_up(host: str, port: int, deadline: Deadline) -> Sequence[_Target]:
    """Ask the system's resolver. Raises socket.gaierror, TimeoutError past the deadline."""
    # It has no deadline, so it runs in a thread that is abandoned past ours.
    answers: list[Sequence[_Target] | OSError] = []
    answered = threading.Event()

    def ask() -> None:
        try:
            answers.append(_ask(host, port, 0))
        except OSError as exc:
            answers.append(exc)
        answered.set()

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    if not answered.wait(deadline.remaining()):
        raise TimeoutError("timed out")
    (answer,) = answers
    if isinstance(answer, OSError):
        raise answer
    return answer


def _ask(host: str, port: int, flags: int) -> Sequence[_Target]:
    # A name as str goes through the IDNA codec, whose import takes longer than the connection.
    name = host.encode() if host.isascii() else host
    try:
        infos = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM, flags=flags)
    except UnicodeError as exc:  # a label that is empty or longer than 63 characters
        raise socket.gaierror(socket.EAI_NONAME, "it is not a valid host name") from exc
    return [(family, where) for family, _, _, _, where in infos]


def _race(targets: Sequence[_Target], deadline: Deadline) -> socket.socket:
    """Connect to the address that answers first. Raises the last OSError if none does."""
    error = OSError(errno.EADDRNOTAVAIL, "no address")
    waiting = list(targets)
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        while waiting or selector.get_map():
            if waiting:
                try:
                    sock = _start(*waiting.pop(0))
                except OSError as exc:
                    error = exc
                    continue
                stack.callback(sock.close)
                selector.register(sock, selectors.EVENT_WRITE)
            patience = min(_ATTEMPT_DELAY, deadline.remaining()) if waiting else deadline.remaining()
            for key, _ in selector.select(patience):
                ready = key.fileobj
                assert isinstance(ready, socket.socket)
                selector.unregister(ready)
                code = ready.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if code == 0:
                    return ready.dup()
                error = OSError(code, os.strerror(code))
    raise error


def _start(family: socket.AddressFamily, where: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setblocking(False)
    code = sock.connect_ex(where)
    if code in {0, errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EINTR}:
        return sock
    sock.close()
    raise OSError(code, os.strerror(code))
