"""The programs that run as this process's children: who ends it without unwinding must not leave them behind.

Apart from `router.process`, which takes longer to load than a cached build should wait.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

__all__ = ["child_starts", "forget", "kill_children", "remember", "starting"]

# Process groups. One table for the process, as the system has one: it belongs to `router.process`.
_running: set[int] = set()
_starting: set[object] = set()


@contextmanager
def starting() -> Iterator[None]:
    """Within this a program is started and remembered: it runs before its number is known here."""
    start = object()
    _starting.add(start)
    try:
        yield
    finally:
        _starting.discard(start)


def child_starts() -> bool:
    """Say whether a program is about to be started: an exception that came now would leave it behind."""
    return bool(_starting)


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
