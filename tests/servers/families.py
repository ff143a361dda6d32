"""Kills a process with everything below it, whoever's child it is, and waits for the end of them all."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Sequence
from contextlib import suppress

import psutil

_WITHIN = 20.0


def kill_family(pid: int) -> None:
    """Kill a process and its descendants; do nothing when it is gone."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        handles = _pidfds([process, *process.children(recursive=True)])
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        for handle in handles:
            wait_ended(handle, within=_WITHIN)
            os.close(handle)


def wait_ended(pidfd: int, *, within: float) -> bool:
    """Return whether the process of a pidfd ends in time, even while nobody has reaped it yet."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(within * 1000))


def _pidfds(processes: Sequence[psutil.Process]) -> list[int]:
    handles = []
    for process in processes:
        with suppress(ProcessLookupError):
            handles.append(os.pidfd_open(process.pid))
    return handles
