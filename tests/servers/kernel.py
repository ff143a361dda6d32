"""What the kernel keeps after a server is gone, mounts and cgroups: found by the path we gave, removed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_DRAIN = 5.0


def unmount_below(directory: Path) -> None:
    """Unmount everything that is mounted at or below `directory`, the innermost first."""
    inside = [
        point for point in mount_points(Path("/proc/self/mountinfo").read_text()) if _below(point, directory)
    ]
    for point in reversed(inside):
        # Lazy: a process that is still dying may hold it for a moment.
        subprocess.run(["umount", "--lazy", str(point)], capture_output=True, timeout=30, check=False)


def mount_points(mountinfo: str) -> list[Path]:
    """Return the mount points of a /proc/PID/mountinfo, in the order they were mounted."""
    fields = (line.split(" ")[4] for line in mountinfo.splitlines())
    return [Path(field.encode().decode("unicode_escape")) for field in fields]  # blanks stand as \040


def _below(point: Path, directory: Path) -> bool:
    return point.is_relative_to(directory.resolve())


def remove_cgroup(name: str) -> None:
    """Kill every process in the cgroup `name` and its children, in all hierarchies, and remove them."""
    for hierarchy in _hierarchies(Path("/proc/self/mounts").read_text()):
        top = hierarchy / name
        if top.is_dir():
            _empty(top)
            for folder in _bottom_up(top):
                with suppress(OSError):  # a zombie still counts as a member; the folder is harmless then
                    folder.rmdir()


def _hierarchies(mounts: str) -> Iterator[Path]:
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split(" ")
        if kind in {"cgroup", "cgroup2"}:
            yield Path(point)


def _empty(top: Path) -> None:
    deadline = time.monotonic() + _DRAIN
    while (members := _members(top)) and time.monotonic() < deadline:
        for pid in members:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)  # cgroup v1 tells nobody when it is empty


def _members(top: Path) -> set[int]:
    found: set[int] = set()
    for folder in _bottom_up(top):
        with suppress(OSError):
            found.update(int(pid) for pid in (folder / "cgroup.procs").read_text().split())
    return found


def _bottom_up(top: Path) -> list[Path]:
    return [Path(folder) for folder, _, _ in os.walk(top, topdown=False)]
