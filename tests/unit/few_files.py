"""Do something in a process that may open few files more."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["few_files"]


@contextmanager
def few_files(more: int) -> Iterator[None]:
    """Let no more than ``more`` files be opened, and those only under the next descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open("/dev/null", os.O_RDONLY)
    os.close(lowest)
    # A limit is a bound of the descriptor's number, and what is free below it counts as well.
    taken = {int(name) for name in os.listdir("/proc/self/fd")} - {lowest}
    limit = lowest
    while more:
        more -= limit not in taken
        limit += 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
