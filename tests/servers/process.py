"""A long-running server process: started with a log file, watched while it comes up, stopped by its own id.

A process normally dies with the Python process that started it, however that ends: `stop` when all goes
well, atexit when nobody called it, and the kernel's parent-death signal when Python was killed.
`outlive=True` gives that up.

Never looks processes up by name.
"""

from __future__ import annotations

import atexit
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.cache import ServerError
from tests.servers.families import wait_ended

_POLL = 0.05
_LOG_TAIL = 30


class ManagedProcess:
    """One server process in a session of its own; a context manager that stops it."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        outlive: bool = False,
        orphaned: signal.Signals = signal.SIGTERM,
    ) -> None:
        """Start `argv`, its output appended to `log`; `orphaned` is the signal it gets when we die."""
        self.argv = tuple(str(argument) for argument in argv)
        self.log = log
        self._outlive = outlive
        environment = {**os.environ, **(env or {})}
        self._popen = _start(_mortal(self.argv, outlive, orphaned), log=log, env=environment, cwd=cwd)
        self._pidfd = os.pidfd_open(self._popen.pid)
        self._reaped = False
        if not outlive:
            _running.add(self)

    def __repr__(self) -> str:
        state = "running" if self.running() else "ended"
        return f"<ManagedProcess {Path(self.argv[0]).name} pid={self.pid} {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The process's id, which is also its process group's and its session's."""
        return self._popen.pid

    def running(self) -> bool:
        """Return whether the process has not ended yet."""
        return not self._reaped and not self._ended(within=0)

    def log_tail(self) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-_LOG_TAIL:])

    def wait_until(self, ready: Callable[[], bool], *, within: float, what: str = "ready") -> None:
        """Return once `ready()`; ServerError with the log's tail when the process ends or time runs out."""
        name = Path(self.argv[0]).name
        deadline = time.monotonic() + within
        while not ready():
            if self._ended(within=_POLL):
                raise ServerError(f"{name} ended before it was {what}; {self.log}:\n{self.log_tail()}")
            if time.monotonic() > deadline:
                raise ServerError(f"{name} not {what} after {within:.0f} s; {self.log}:\n{self.log_tail()}")

    def wait_ended(self, *, within: float) -> None:
        """Return once the process has ended by itself; raise ServerError when it doesn't."""
        if not self._ended(within=within):
            raise ServerError(f"{Path(self.argv[0]).name} still runs after {within:.0f} s")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        if not self._reaped:
            signal.pidfd_send_signal(self._pidfd, number)

    def freeze(self) -> None:
        """Stop the process in its tracks; return when the last of its threads has stopped."""
        self.signal(signal.SIGSTOP)
        os.waitid(os.P_PIDFD, self._pidfd, os.WSTOPPED | os.WNOWAIT)

    def stop(self, *, within: float = 10.0) -> None:
        """Ask the process to end, kill it and what is left of its group when it doesn't; do nothing twice."""
        if self._reaped:
            return
        if not self._ended(within=0):
            self.signal(signal.SIGTERM)
            self.signal(signal.SIGCONT)  # a frozen process would never see the first
            self._ended(within=within)
        self.kill()

    def kill(self) -> None:
        """Kill the process and its group at once."""
        if self._reaped:
            return
        # Before reaping: until then the kernel can't give the group's number to anybody else.
        os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait(timeout=30)
        self._reaped = True
        os.close(self._pidfd)
        _running.discard(self)

    def _ended(self, *, within: float) -> bool:
        return self._reaped or wait_ended(self._pidfd, within=within)


_running: set[ManagedProcess] = set()


@atexit.register
def _stop_all() -> None:
    for process in tuple(_running):
        process.stop()


def _mortal(argv: Sequence[str], outlive: bool, orphaned: signal.Signals) -> Sequence[str]:
    if outlive:
        return argv
    # `setpriv` sets the parent-death signal and becomes the server; code of ours between fork and exec
    # (preexec_fn) could deadlock in a process that has threads. Only a parent that is killed in the
    # milliseconds before `setpriv` has run leaves the server behind.
    return ("setpriv", "--pdeathsig", orphaned.name.removeprefix("SIG"), "--", *argv)


def _start(
    argv: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path | None
) -> subprocess.Popen[bytes]:
    def spawn() -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,
            )

    return _parent.run(spawn)


class _Parent:
    """The one thread that all servers are children of.

    The parent-death signal comes when the *thread* that forked ends, so a server that was started from a
    pool's thread would die with the pool. This thread is a daemon: it lasts as long as the process.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], subprocess.Popen[bytes]], _Result]] = (
            queue.SimpleQueue()
        )
        self._begun = threading.Lock()
        self._thread: threading.Thread | None = None

    def run(self, spawn: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        with self._begun:
            if self._thread is None:
                self._thread = threading.Thread(target=self._loop, name="servers-parent", daemon=True)
                self._thread.start()
        result: _Result = Future()
        self._work.put((spawn, result))
        return result.result(timeout=60)

    def _loop(self) -> None:
        while True:
            spawn, result = self._work.get()
            try:
                result.set_result(spawn())
            except OSError as error:
                result.set_exception(error)


_Result = Future[subprocess.Popen[bytes]]
_parent = _Parent()
