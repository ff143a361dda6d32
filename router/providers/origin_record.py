"""The file that keeps a token: one line, then the directories that were ever described under it.

The line has the token, since when it is there, and how the clock stood then. The file is made whole and only
ever added to, each time with one write. What makes no sense is as good as nothing.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from contextlib import suppress

from router.fstransfer.places import PAIR
from router.model.frozen import frozen

__all__ = ["Head", "add_pairs", "new_head", "read_head", "read_pairs", "write_head"]

_TOKEN = 32
_SECOND = 10**9
_DAY = 86_400 * _SECOND
_LONGEST_HEAD = 200
_MOST = 1 << 24
_NO_BOOT = "-"


@frozen
class Head:
    """``token`` is there ``since`` a time in nanoseconds since the epoch. ``offset`` is that clock's lead
    over the one that nobody sets, in the boot of the machine that ``boot`` names."""

    token: str
    since: int
    boot: str
    offset: int

    def line(self) -> bytes:
        """Return it as it is kept."""
        return f"{self.token} {self.since} {self.boot} {self.offset}\n".encode()

    def is_good(self, now: Head) -> bool:
        """Say whether times of files still prove something, ``now`` being the head of a new record.

        They don't after the clock was set back: a file that changes then seems to be older than the record.
        """
        set_back = self.boot == now.boot != _NO_BOOT and now.offset < self.offset - _SECOND
        return self.since <= now.since and not set_back


def new_head() -> Head:
    """Return the head of a record that is made now."""
    steady = time.clock_gettime_ns(time.CLOCK_BOOTTIME) if sys.platform == "linux" else time.monotonic_ns()
    since = time.time_ns()
    token = os.urandom(_TOKEN // 2).hex()
    return Head(token=token, since=since, boot=_boot(), offset=since - steady)


def read_head(path: str, now: int) -> Head | None:
    """Return the head of a record, None where there is none that can be used and added to."""
    try:
        # One that can't be added to is of no use.
        with open(path, "r+b", buffering=0) as file:
            line = file.read(_LONGEST_HEAD)
            status = os.fstat(file.fileno())
    except OSError:
        return None
    head = _parse(line)
    if head is None or not _has_pairs(status.st_size - len(head.line())):
        return None
    if status.st_mtime_ns < now - _DAY:
        with suppress(OSError):
            os.utime(path)
    return head


def write_head(path: str, head: Head) -> None:
    """Make a record. Raises OSError."""
    aside = f"{path}.{head.token}"
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(head.line())
        os.replace(aside, path)
    except OSError:
        with suppress(OSError):
            os.unlink(aside)
        raise


def read_pairs(path: str, token: str) -> bytes | None:
    """Return what was added to the record of a token, None where it isn't there any more, or is broken."""
    try:
        with open(path, "rb") as file:
            head, pairs = file.readline(_LONGEST_HEAD), file.read(_MOST + 1)
    except OSError:
        return None
    return pairs if head.startswith(f"{token} ".encode()) and _has_pairs(len(pairs)) else None


def add_pairs(path: str, token: str, pairs: bytes) -> None:
    """Add to the record of a token, or remove it if that fails. Raises OSError where it stays as it is.

    Nothing is done where the token has no record any more.
    """
    with suppress(FileNotFoundError):
        try:
            _append(path, token, pairs)
        except FileNotFoundError:
            raise
        except OSError:
            os.unlink(path)


def _append(path: str, token: str, pairs: bytes) -> None:
    # Another build may put another record in the place of this one meanwhile: this one is written to then.
    with open(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC), "r+b", buffering=0) as file:
        if not file.read(_LONGEST_HEAD).startswith(f"{token} ".encode()):
            return
        size = os.fstat(file.fileno()).st_size + len(pairs)
        if size > _MOST or file.write(pairs) != len(pairs):
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)


def _parse(text: bytes) -> Head | None:
    line, end, _ = text.partition(b"\n")
    try:
        token, since, boot, offset = line.decode("ascii").split(" ")
        head = Head(token=token, since=int(since), boot=boot, offset=int(offset))
    except ValueError:
        return None
    sound = end and len(token) == _TOKEN and token.isalnum() and head.line() == line + end
    return head if sound else None


def _has_pairs(size: int) -> bool:
    return 0 <= size <= _MOST and size % PAIR == 0


def _boot() -> str:
    with suppress(OSError), open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
        return file.read(100).strip() or _NO_BOOT
    return _NO_BOOT
