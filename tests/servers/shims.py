"""containerd's shims: they outlive their containerd on purpose, and so a test that was killed, too.

A shim is recognised by the socket it was told to report to, which lies in a folder of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import psutil

from tests.servers.families import kill_family


def kill_shims(directory: Path) -> None:
    """Kill every shim that reports to a containerd in `directory`, and everything below it."""
    for shim in _shims_of(directory):
        sockets = _sockets(shim)
        kill_family(shim.pid)
        for socket in sockets:
            socket.unlink(missing_ok=True)


def reports_into(argv: Sequence[str], directory: Path) -> bool:
    """Return whether a command line has `-address SOCKET` with a socket in `directory`."""
    return any(flag == "-address" and Path(value).parent == directory for flag, value in pairwise(argv))


def _shims_of(directory: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            argv = process.cmdline()
        except psutil.Error:
            continue
        if reports_into(argv, directory):
            found.append(process)
    return found


def _sockets(process: psutil.Process) -> list[Path]:
    """Return the socket files the shim listens on; containerd always puts them into one folder."""
    try:
        addresses = [connection.laddr for connection in process.net_connections(kind="unix")]
    except psutil.Error:
        return []
    return [Path(str(address)) for address in addresses if str(address).startswith("/run/containerd/s/")]
