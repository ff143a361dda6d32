"""What can go wrong before there is a program that could say so: Ctrl-C, and no file can be opened.

Nothing is imported here that Python hasn't loaded by the time an entry point begins.
"""

from __future__ import annotations

import errno
import os
import signal
from types import FrameType, TracebackType

__all__ = ["Beginning", "is_out_of_descriptors"]

_INTERRUPTED, _UNAVAILABLE = 130, 69


class Beginning:
    """A context manager around the imports of an entry point."""

    def __enter__(self) -> None:
        # Where our parent ignores the ends of its children, so do we: all of ours would seem to succeed.
        if signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Not where it is ignored: that is to stay so.
        self._interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._interruptible:
            signal.signal(signal.SIGINT, _leave)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if is_out_of_descriptors(error):
            os.write(2, b"ERROR: too many open files\nhint: raise the limit: ulimit -n 1024\n")
            os._exit(_UNAVAILABLE)
        if self._interruptible:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _leave(_number: int, _frame: FrameType | None) -> None:
    os._exit(_INTERRUPTED)


def is_out_of_descriptors(error: BaseException | None) -> bool:
    """Say whether something failed because no file can be opened; the loader of C code tells it in words."""
    if isinstance(error, OSError):
        return error.errno in {errno.EMFILE, errno.ENFILE}
    return isinstance(error, ImportError) and os.strerror(errno.EMFILE) in str(error)
