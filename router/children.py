"""The programs that run as this process's children: who ends it without unwinding must not leave them behind.

Apart from `router.process`, which takes longer to load than a cached build should wait.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress

__all__ = ["forget", "kill_children", "remember"]

# Process groups. One table for the process, as the system has one: it belongs to `router.process`.
_running: set[int] = set()


def remember(group: int) -> None:
    """Take note of a process group that has begun."""
    _running.add(group)


def forget(group: int) -> None:
    """Leave out one whose leader has been waited for: its number may be another's now."""
    _running.discard(group)


def kill_children() -> None:
    """Kill all that run. From any thread, and from a signal's handler."""
    for group in tuple(_running):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
