"""The process's standard streams where whoever started it has closed them.

The number of a closed one would go to the next file or socket that is opened, and what is printed would end
up in there.
"""

from __future__ import annotations

import os
import sys

__all__ = ["open_closed_streams"]


def open_closed_streams() -> None:
    """Put the null device in the place of closed standard streams.

    A result must not vanish unseen, so writing to stdout fails as on any closed descriptor; what goes to
    stderr may vanish. A closed stdin stays None in ``sys``: nothing can be read from it.
    """
    if sys.stdin is None:
        _occupy(0, os.O_RDONLY)
    if sys.stdout is None:
        _occupy(1, os.O_RDONLY)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    if sys.stderr is None:
        _occupy(2, os.O_WRONLY)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False)


def _occupy(descriptor: int, flags: int) -> None:
    opened = os.open(os.devnull, flags)
    if opened != descriptor:
        os.dup2(opened, descriptor)
        os.close(opened)
