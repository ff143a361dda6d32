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
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.servers.cache import cache_root, locked
from tests.servers.families import kill_family
from tests.servers.kernel import delete_bridge, remove_cgroup, unmount_below, write_sysctls
from tests.servers.shims import kill_shims

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(kw_only=True)
class Trace:
    """Everything that one server may leave behind. `processes` and `owner` are ids with start times.

    `directory` is the caller's and stays; `sockets` is ours and goes.
    """

    kind: str
    directory: str
    sockets: str = ""
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

    def socket_folder(self) -> Path:
        """Return a folder for sockets: a socket's path ends at 107 characters, and a test's may be longer."""
        if not self.sockets:
            self.sockets = tempfile.mkdtemp(prefix="warmroute-")
            self.save()
        return Path(self.sockets)

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
                kill_family(pid)
        folders = [Path(folder) for folder in (self.directory, self.sockets) if folder]
        for folder in folders:
            kill_shims(folder)
        if self.cgroup:
            remove_cgroup(self.cgroup)
        for folder in folders:
            unmount_below(folder)
        if self.sockets:
            shutil.rmtree(self.sockets, ignore_errors=True)
        if self.bridge:
            delete_bridge(self.bridge)
        write_sysctls(self.sysctls)


def owned_trace(kind: str, directory: Path, *, outlive: bool) -> Trace:
    """Return a trace, cgroup named, that this process owns, or nobody when the server is to outlive it."""
    owner = None if outlive else (os.getpid(), start_time(os.getpid()))
    trace = Trace(kind=kind, directory=str(directory), owner=owner)
    trace.cgroup = f"warmroute-{trace.id}"
    return trace


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


def _alive(pid: int, started: str) -> bool:
    return started != "" and start_time(pid) == started
