"""Tell systemd about the endpoint: that clients can connect, and that it is stopping.

https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

__all__ = ["notify_service_manager"]


def notify_service_manager(environment: Mapping[str, str], state: Literal["READY=1", "STOPPING=1"]) -> None:
    """Send a state to the socket in ``NOTIFY_SOCKET``, if it is set."""
    path = environment.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    where = "\0" + path[1:] if path.startswith("@") else path
    # If no one listens, or the queue is full, the message is dropped: we don't wait.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.sendto(state.encode(), os.fsencode(where))
