"""Where the files of a build come from, as a name that no other place has.

A daemon takes files that it was sent before for those of this build where name, size and time agree, so it
must not take another directory's. Each set of directories that a build offers gets a random token, kept in a
small file under ``$XDG_STATE_HOME/warmroute/contexts``. The file's own name is made of the machine and of the
directories (path, device, inode, file system), so that a copy of it on another machine, or a directory made
anew at the same path, finds no token and gets a new one. Without a place to keep it the token serves for one
build: what the daemon gets is right, but it gets everything. So it is for directories in packed images, of
which nothing tells one from another that is mounted in its place.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

from router.config import home_directory
from router.errors import os_reason
from router.files import make_private
from router.fstransfer.mounts import identity
from router.hashes import sha256
from router.model.frozen import frozen
from router.providers.origin_record import Head, add_pairs, new_head, read_head, read_pairs, write_head

__all__ = ["Origin", "find_origin"]

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

    def directories(self) -> bytes | None:
        """Return what was added for this token, None if another build has forgotten it."""
        return read_pairs(self.record, self.token) if self.record else b""

    def add_directories(self, pairs: bytes) -> None:
        """Keep what was described under this token, or forget the token. Raises OSError where both fail."""
        if self.record:
            add_pairs(self.record, self.token, pairs)


def find_origin(directories: Mapping[str, str], environment: Mapping[str, str]) -> Origin:
    """Return the origin of directories by the names that the daemon knows them by.

    Raises nothing: a directory that isn't there is found by whoever reads it.
    """
    new = new_head()
    folder = _folder(environment)
    if not folder:
        return _origin(new, problem="there is neither XDG_STATE_HOME nor a home directory")
    try:
        record = os.path.join(folder, _record_name(directories))
    except _ImageError as exc:
        return _origin(new, problem=f"{exc} is in a packed image, and another could be mounted there")
    known = read_head(record, new.since)
    if known is not None and known.is_good(new):
        return _origin(known, record=record)
    try:
        make_private(folder)
        write_head(record, new)
    except OSError as exc:
        return _origin(new, problem=f"can't write {record}: {os_reason(exc)}")
    _clear(folder, new.since)
    return _origin(new, record=record)


class _ImageError(Exception):
    """A directory is in an image: what is mounted there next may look the same."""


def _origin(head: Head, *, record: str = "", problem: str = "") -> Origin:
    return Origin(token=head.token, since=head.since, record=record, problem=problem)


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
        with suppress(OSError), open(path, "rb") as file:
            yield file.read(64).decode("ascii", "replace")
            break
    yield os.uname().nodename


def _places(directories: Mapping[str, str]) -> Iterable[str]:
    # In most builds two names are one directory, and the kernel takes its time to list the mounts.
    known: dict[str, str] = {}
    for name, path in sorted(directories.items()):
        real = os.path.realpath(path)
        yield name
        yield real
        with suppress(OSError):
            if real not in known:
                known[real] = _identity(path)
            yield known[real]


def _identity(path: str) -> str:
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        status, file_system = os.fstat(directory), identity(directory)
    finally:
        os.close(directory)
    if file_system is None:
        raise _ImageError(path)
    return f"{status.st_dev} {status.st_ino} {file_system.decode()}"


def _clear(folder: str, now: int) -> None:
    """Remove records that no build has used for long, and the oldest where there are many."""
    with suppress(OSError), os.scandir(folder) as entries:
        records = [(entry.stat().st_mtime_ns, entry.path) for entry in entries]
        records.sort(reverse=True)
        for position, (modified, path) in enumerate(records):
            if modified < now - _OLDEST or position >= _MOST_RECORDS:
                os.unlink(path)
