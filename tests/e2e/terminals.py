"""A command on a terminal of its own: a pseudo-terminal, and what a person would see on it."""

from __future__ import annotations

import fcntl
import os
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.unit.cli.render.terminal import Terminal

__all__ = ["OnTerminal", "on_terminal"]

CTRL_C = b"\x03"


class OnTerminal:
    """A command under way whose stdin, stdout and stderr are one terminal."""

    def __init__(
        self, process: subprocess.Popen[bytes], ours: int, theirs: int, size: tuple[int, int]
    ) -> None:
        self.process = process
        self.output = b""
        self._ours = ours
        self._theirs = theirs
        self._size = size
        self._before = self._after = termios.tcgetattr(theirs)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._ours, keys)

    def read_until(self, text: str, within: float = 20.0) -> None:
        """Return once the text has been written."""
        end = time.monotonic() + within
        while text.encode() not in self.output:
            left = end - time.monotonic()
            assert left > 0, f"without a word of {text!r}: {self.output.decode()}"
            self._take(left)

    def wait(self, within: float = 60.0) -> int:
        """Return its exit code; all that it wrote stands in ``output`` then."""
        end = time.monotonic() + within
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it goes on: {self.output.decode()}"
            self._take(0.02)
        while self._take(0.0):
            pass
        self._after = termios.tcgetattr(self._theirs)
        return self.process.returncode

    @property
    def text(self) -> str:
        """What it wrote."""
        # Without what the terminal itself echoes of a key.
        return self.output.decode().replace("^C", "")

    @property
    def terminal(self) -> Terminal:
        """The terminal with all that was written so far on it."""
        terminal = Terminal(*self._size)
        terminal.feed(self.text)
        return terminal

    def check_sane(self) -> None:
        """Fail unless the terminal is as it was: its modes, the cursor, and the cursor's place on a new line.

        To be called after ``wait``.
        """
        assert self._after == self._before
        assert self.terminal.cursor_visible, self.text[-2000:]
        assert re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", self.text).endswith("\n"), self.text

    def _take(self, within: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], within)
        if not ready:
            return False
        self.output += os.read(self._ours, 65536)
        return True


@contextmanager
def on_terminal(
    argv: Sequence[str | Path],
    environment: Mapping[str, str],
    *,
    columns: int = 80,
    rows: int = 40,
    cwd: Path | None = None,
) -> Iterator[OnTerminal]:
    """Start a command on a terminal of this size, and kill what is left of it at the end."""
    ours, theirs = os.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        # Else the kernel throws away what we have not read yet when a key becomes a signal.
        modes = termios.tcgetattr(theirs)
        modes[3] |= termios.NOFLSH
        termios.tcsetattr(theirs, termios.TCSANOW, modes)
        with subprocess.Popen(
            argv,
            env={"TERM": "xterm", **environment},
            cwd=cwd,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,  # noqa: PLW1509 -- it makes one system call
        ) as process:
            try:
                yield OnTerminal(process, ours, theirs, (columns, rows))
            finally:
                if process.poll() is None:
                    process.kill()
    finally:
        os.close(ours)
        os.close(theirs)


def _take_terminal() -> None:
    """Make stdin's terminal the session's own: its keys become signals then."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
