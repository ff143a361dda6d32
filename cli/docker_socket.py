"""The connection by which the docker command tells a plugin of its to end.

Where docker's output isn't a terminal, whoever interrupts docker (a CI that stops a job) reaches nobody else.
docker listens on a socket for that, which the plugin connects to, and which docker closes then.
"""

from __future__ import annotations

import socket

__all__ = ["connect", "has_ended"]


def connect(address: str) -> socket.socket | None:
    """Connect to the address in docker's variable; ``@`` stands for one of Linux's abstract names.

    None where nobody listens: the variable was inherited from a docker that is gone.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        connection.connect(address.replace("@", "\0", 1) if address.startswith("@") else address)
    except OSError:
        connection.close()
        return None
    return connection


def has_ended(connection: socket.socket) -> bool:
    """Say whether docker wants the plugin to end; what else it says is passed over."""
    try:
        return not connection.recv(4096)
    except BlockingIOError:
        return False
    except OSError:
        return True
