"""What systemd is told of the endpoint: that clients can come in, and that it ends.

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
    """Tell a state where ``NOTIFY_SOCKET`` says that somebody wants to hear it."""
    path = environment.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return
    where = "\0" + path[1:] if path.startswith("@") else path
    # Nobody who listens, or who has no room: then it is not for us to wait.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.sendto(state.encode(), os.fsencode(where))
