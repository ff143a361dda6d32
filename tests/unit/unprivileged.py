"""Do something without root's rights, also where the tests run as root."""

from __future__ import annotations

import os
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["NOBODY", "folder_for_anybody", "unprivileged"]

NOBODY = 65534


@contextmanager
def folder_for_anybody() -> Iterator[Path]:
    """Give a folder that any user can get at, which pytest's own can't be."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


def unprivileged(action: Callable[[], str]) -> str:
    """Return what ``action`` returns in a child that may not read everything."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        answer = ""
        try:
            if os.geteuid() == 0:
                os.seteuid(NOBODY)
            answer = action()
        except BaseException:  # noqa: BLE001 - it is told to the parent, whose test fails
            answer = traceback.format_exc()
        finally:
            os.write(write, answer.encode())
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as said:
        answer = said.read()
    os.waitpid(child, 0)
    return answer
