"""Child processes: started, signalled and cleaned up here and nowhere else.

The only importer of ``subprocess``. A process runs in a session of its own, so that a signal reaches all
that it started, and so that nothing it starts stops to ask a question on the terminal. Which program to
run, and what its output means, is the caller's business.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from typing import IO

from router.children import forget, remember, starting
from router.closing import Closing
from router.model.frozen import frozen
from router.program import Command, executable, not_started

__all__ = ["Process", "Stdio", "start_attached"]

_ENDING = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


@frozen
class Stdio:
    """Descriptors for the child instead of pipes; they stay the caller's to close."""

    stdin: int | None = None
    stdout: int | None = None
    stderr: int | None = None


class Process(Closing):
    """A started program; leaving its context ends it and everything that it started.

    ``stdin``, ``stdout`` and ``stderr`` are the near ends of its pipes, None where ``Stdio`` gave a
    descriptor instead. Raises ``ToolError`` when it can't be started.
    """

    def __init__(self, command: Command, stdio: Stdio = Stdio()) -> None:
        self.command = command
        with starting():
            self._child = _started(command, stdio)
            remember(self.pid)

    @property
    def pid(self) -> int:
        """The process id, which is also its process group's."""
        return self._child.pid

    @property
    def stdin(self) -> IO[bytes] | None:
        """The end that feeds the program."""
        return self._child.stdin

    @property
    def stdout(self) -> IO[bytes] | None:
        """The end that the program's results come from."""
        return self._child.stdout

    @property
    def stderr(self) -> IO[bytes] | None:
        """The end that the program's messages come from."""
        return self._child.stderr

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""
        return self._reaped(self._child.poll())

    def wait(self, timeout: float | None = None) -> int | None:
        """Wait for the end and return the exit code; None when ``timeout`` seconds passed first."""
        try:
            return self._reaped(self._child.wait(timeout))
        except subprocess.TimeoutExpired:
            return None

    def _reaped(self, returncode: int | None) -> int | None:
        if returncode is not None:
            forget(self.pid)
        return returncode

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the program and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def close(self) -> None:
        """Kill it, and all that it started, if it still runs; close the pipes."""
        if self._child.poll() is None:
            self.signal(signal.SIGKILL)
            self._child.wait()
        forget(self.pid)
        for pipe in (self._child.stdin, self._child.stdout, self._child.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


def _started(command: Command, stdio: Stdio) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            command.argv,
            executable=executable(command),
            env=dict(command.environment),
            stdin=subprocess.PIPE if stdio.stdin is None else stdio.stdin,
            stdout=subprocess.PIPE if stdio.stdout is None else stdio.stdout,
            stderr=subprocess.PIPE if stdio.stderr is None else stdio.stderr,
            start_new_session=True,
            pass_fds=command.descriptors,
            bufsize=0,
            preexec_fn=_inheritance(),  # noqa: PLW1509 -- two system calls, and only where they are needed
        )
    except (OSError, ValueError) as exc:
        raise not_started(command, exc) from exc


def _inheritance() -> Callable[[], None] | None:
    """Return what a child has to do first, None for nothing (Python starts it much faster then).

    A shell starts its background jobs with SIGINT and SIGQUIT ignored, which is for us to heed; what we run
    must be stopped by the signals that we send. SIGHUP is not among them: nohup means the children too.
    """
    ignored = [number for number in _ENDING if signal.getsignal(number) is signal.SIG_IGN]
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    if not ignored and not blocked:
        return None

    def restore() -> None:
        for number in ignored:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return restore


def start_attached(command: Command) -> subprocess.Popen[bytes]:
    """Start a program in this one's place, with its stdin, stdout, stderr, terminal and open descriptors.

    Whoever starts it waits for its end. Raises ``ToolError`` when it can't be started.
    """
    try:
        return subprocess.Popen(
            command.argv, executable=executable(command), env=dict(command.environment), close_fds=False
        )
    except (OSError, ValueError) as exc:
        raise not_started(command, exc) from exc
