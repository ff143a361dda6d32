"""What a server leaves on the machine, written down before it starts, so that somebody can always clean up.

A test that is killed hard can't clean up behind itself; the next server to start does it (`clean_stale`).
Processes are recorded with their start time, because ids are given out again; all else carries names that
only we use.

A trace whose owner still lives is in use. One without an owner belongs to a server that outlives its starter,
and only an explicit `clear` ends it.
"""

from __future__ import annotations

import json
import os
import select
import signal
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil

from tests.servers.cache import cache_root, locked
from tests.servers.kernel import delete_bridge, remove_cgroup, unmount_below, write_sysctls
from tests.servers.shims import kill_shims

_END_WITHIN = 20.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(kw_only=True)
class Trace:
    """Everything that one server may leave behind. `processes` and `owner` are ids with start times."""

    kind: str
    directory: str
    cgroup: str = ""
    bridge: str = ""
    sysctls: dict[str, str] = field(default_factory=dict)
    processes: list[tuple[int, str]] = field(default_factory=list)
    owner: tuple[int, str] | None = None
    boot: str = ""
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])

    @property
    def path(self) -> Path:
        """The file that holds this trace."""
        return _folder() / f"{self.id}.json"

    def save(self) -> None:
        """Write the trace down, or what has been added to it."""
        self.boot = _boot()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        aside = self.path.with_suffix(".new")
        aside.write_text(json.dumps(asdict(self)))
        aside.rename(self.path)

    def add_process(self, pid: int) -> None:
        """Write down one more process of the server's."""
        self.processes.append((pid, start_time(pid)))
        self.save()

    def clear(self) -> None:
        """End what still runs, remove everything that was left, and forget the trace."""
        if self.boot in ("", _boot()):
            self._remove()
        self.path.unlink(missing_ok=True)

    def stale(self) -> bool:
        """Return whether nobody is left who would clean up."""
        return self.boot != _boot() or (self.owner is not None and not _alive(*self.owner))

    def _remove(self) -> None:
        for pid, started in self.processes:
            if _alive(pid, started):
                _kill_family(pid)
        directory = Path(self.directory)
        kill_shims(directory)
        if self.cgroup:
            remove_cgroup(self.cgroup)
        unmount_below(directory)
        if self.bridge:
            delete_bridge(self.bridge)
        write_sysctls(self.sysctls)


def owned_trace(kind: str, directory: Path, *, outlive: bool) -> Trace:
    """Return a trace that this process owns, or nobody when the server is to outlive it."""
    owner = None if outlive else (os.getpid(), start_time(os.getpid()))
    return Trace(kind=kind, directory=str(directory), owner=owner)


def clean_stale() -> None:
    """Clean up behind every server whose owner is gone."""
    with locked(_folder() / "clean.lock", within=120):
        for trace in traces():
            if trace.stale():
                trace.clear()


def traces() -> Iterator[Trace]:
    """Yield every trace that is written down."""
    for path in sorted(_folder().glob("*.json")):
        with suppress(FileNotFoundError):  # its owner has just cleared it
            yield _parse(path.read_text())


def _parse(text: str) -> Trace:
    values = json.loads(text)
    values["processes"] = [(pid, started) for pid, started in values["processes"]]
    values["owner"] = tuple(values["owner"]) if values["owner"] else None
    return Trace(**values)


def _folder() -> Path:
    return cache_root().parent / "running"


def _boot() -> str:
    return _BOOT.read_text().strip()


def start_time(pid: int) -> str:
    """Return when a process started, in the kernel's ticks; "" when there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # The second field, the program's name, may hold blanks and brackets; the 22nd is the start time.
    return stat.rpartition(")")[2].split()[19]


def _kill_family(pid: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        handles = _pidfds([process, *process.children(recursive=True)])
        for handle in handles:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        for handle in handles:
            # Readable once it has ended, even while nobody has reaped it yet.
            select.select([handle], [], [], _END_WITHIN)
            os.close(handle)


def _pidfds(processes: Sequence[psutil.Process]) -> list[int]:
    handles = []
    for process in processes:
        with suppress(ProcessLookupError):
            handles.append(os.pidfd_open(process.pid))
    return handles


def _alive(pid: int, started: str) -> bool:
    return started != "" and start_time(pid) == started
