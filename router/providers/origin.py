"""Where the files of a build come from, as a name that no other place has.

A daemon takes files that it was sent before for those of this build where name, size and time agree, so it
must not take another directory's. Each set of directories that a build offers gets a random token, kept in a
small file under ``$XDG_STATE_HOME/warmroute/contexts``. The file's own name is made of the machine and of the
directories (path, device, inode), so that a copy of it on another machine, or a directory made anew at the
same path, finds no token and gets a new one. Without a place to keep it the token serves for one build: what
the daemon gets is right, but it gets everything.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha256

from router.config import home_directory
from router.files import make_private
from router.model.frozen import frozen

__all__ = ["Origin", "find_origin"]

_TOKEN = 32
_DAY = 86_400 * 10**9
_OLDEST = 60 * _DAY
_MOST_RECORDS = 1000


@frozen
class Origin:
    """``token`` names the directories on this machine; no daemon can have seen it before ``since``, in
    nanoseconds since the epoch. ``record`` is the file that keeps both, empty where ``problem`` says why
    nothing could be kept."""

    token: str
    since: int
    record: str = ""
    problem: str = ""

    def forget(self) -> None:
        """Let the next build have a new token."""
        if self.record:
            with suppress(OSError):
                os.unlink(self.record)


def find_origin(directories: Mapping[str, str], environment: Mapping[str, str]) -> Origin:
    """Return the origin of directories by the names that the daemon knows them by.

    Raises nothing: a directory that isn't there is found by whoever reads it.
    """
    now = time.time_ns()
    folder = _folder(environment)
    if not folder:
        return _new(now, problem="there is neither XDG_STATE_HOME nor a home directory")
    record = os.path.join(folder, _record_name(directories))
    if (known := _read(record, now)) is not None:
        return known
    new = _new(now, record=record)
    try:
        make_private(folder)
        _write(new)
    except OSError as exc:
        return _new(now, problem=f"can't write {record}: {(exc.strerror or str(exc)).lower()}")
    _clear(folder, now)
    return new


def _new(now: int, *, record: str = "", problem: str = "") -> Origin:
    return Origin(token=os.urandom(_TOKEN // 2).hex(), since=now, record=record, problem=problem)


def _folder(environment: Mapping[str, str]) -> str:
    state = environment.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # as the specification has it
        home = home_directory(environment)
        # A home that doesn't exist is not made.
        state = os.path.join(home, ".local", "state") if os.path.isdir(home) else ""
    return state and os.path.join(state, "warmroute", "contexts")


def _record_name(directories: Mapping[str, str]) -> str:
    identity = sha256()
    for part in (*_machine(), *_places(directories)):
        data = os.fsencode(part)
        identity.update(b"%d:" % len(data) + data)
    return identity.hexdigest()[:32]


def _machine() -> Iterable[str]:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        with suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
            yield file.read(64)
            break
    yield os.uname().nodename


def _places(directories: Mapping[str, str]) -> Iterable[str]:
    for name, path in sorted(directories.items()):
        yield name
        yield os.path.realpath(path)
        with suppress(OSError):
            status = os.stat(path)
            yield f"{status.st_dev} {status.st_ino}"


def _read(record: str, now: int) -> Origin | None:
    """Return what is kept, None where there is nothing, or nothing that makes sense."""
    try:
        with open(record, "rb") as file:
            token, _, since = file.read(100).partition(b" ")
            modified = os.fstat(file.fileno()).st_mtime_ns
    except OSError:
        return None
    if len(token) != _TOKEN or not token.isalnum() or since[-1:] != b"\n" or not since[:-1].isdigit():
        return None
    if int(since) > now:  # after a clock that went back, times of files prove nothing
        return None
    if modified < now - _DAY:
        with suppress(OSError):
            os.utime(record)
    return Origin(token=token.decode(), since=int(since), record=record)


def _write(origin: Origin) -> None:
    aside = f"{origin.record}.{origin.token}"
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(f"{origin.token} {origin.since}\n".encode())
        os.replace(aside, origin.record)
    except OSError:
        with suppress(OSError):
            os.unlink(aside)
        raise


def _clear(folder: str, now: int) -> None:
    """Remove records that no build has used for long, and the oldest where there are many."""
    with suppress(OSError):
        records = [(entry.stat().st_mtime_ns, entry.path) for entry in os.scandir(folder)]
        records.sort(reverse=True)
        for position, (modified, path) in enumerate(records):
            if modified < now - _OLDEST or position >= _MOST_RECORDS:
                os.unlink(path)
