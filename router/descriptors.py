"""When no more files can be opened: then nothing is wrong with the one that was to be."""

from __future__ import annotations

from errno import EMFILE, ENFILE

__all__ = ["limit_hint"]

_HINTS = {
    EMFILE: "raise the limit of open files: ulimit -n 4096",
    ENFILE: "the whole machine has too many files open: sysctl fs.file-max",
}


def limit_hint(error: OSError) -> str | None:
    """Return what to do where a limit of open files was met, None for any other error."""
    return _HINTS.get(error.errno or 0)
