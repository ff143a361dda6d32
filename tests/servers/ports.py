"""Ports and addresses to listen on, and whether somebody listens there."""

from __future__ import annotations

import random
import socket
from contextlib import closing
from pathlib import Path

from tests.servers.cache import ServerError

# Below the range the kernel takes for outgoing connections (32768 and up), so that a port that is free now
# isn't taken by somebody's connection before the server binds it.
_CANDIDATES = range(20000, 32000)
_given: set[int] = set()


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nobody listens on, never the same one twice in a process."""
    for port in random.sample(_CANDIDATES, 200):
        if port not in _given and _bindable(port):
            _given.add(port)
            return port
    raise ServerError(f"no free port among 200 tried in {_CANDIDATES}")


def _bindable(port: int) -> bool:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def tcp_listens(port: int, host: str = "127.0.0.1") -> bool:
    """Return whether a connection to the port succeeds."""
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def unix_listens(path: Path) -> bool:
    """Return whether a connection to the socket file succeeds."""
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True
