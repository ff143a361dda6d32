"""What ends a build early: signals, ``--timeout``, for skaffold a parent that is gone, for docker its word.

The first signal cancels the build on the daemon. What does not heed that in time (a connection being made,
a handler in a loop), and anything at the second signal, is unwound by an exception; what even that doesn't
reach is left behind. `cli.ending` sees to it that all of it is over within two seconds.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from cli.ending import Ending, Interrupted, Silent
from router import Cancellation, CancelledError, TimeLimitError, kill_children

if TYPE_CHECKING:
    from socket import socket

__all__ = ["Interrupted", "Silent", "interruptible", "stays_ignored"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# Who starts a job in the background, or with nohup, has these ignored so that they don't end it.
_MAY_BE_IGNORED = frozenset({signal.SIGINT, signal.SIGHUP})
_PARENT_POLL = 0.25
_LONGEST_POLL = 3600.0


@contextmanager
def interruptible(
    interrupted: Interrupted, *, watch_parent: bool = False, timeout: float | None = None
) -> Iterator[Cancellation]:
    """Yield a switch that SIGINT, SIGTERM and SIGHUP throw, for the main thread to work with.

    Within the block ``CancelledError`` is raised where the switch alone doesn't end it in time; it leaves the
    block as ``TimeLimitError`` where ``timeout`` seconds had passed. An end that has begun, and a time limit,
    hold for what comes after the block too: telling how it went may block as well.
    """
    what = "command" if isinstance(interrupted, Silent) else "build"
    with Cancellation(what) as cancellation, _Wakeup() as wakeup:
        ending = Ending(cancellation, interrupted, timeout=timeout)
        watcher = _Watcher(ending, wakeup, watch_parent=watch_parent)
        heard = 0

        def handle(number: int, _frame: FrameType | None) -> None:
            nonlocal heard
            heard += 1
            ending.hear(heard, number)
            ending.advance(main=True)

        def tick(_number: int, _frame: FrameType | None) -> None:
            ending.advance(main=True)

        numbers = [each for each in _SIGNALS if not stays_ignored(each)]
        # Whoever started us may have blocked them by mistake; a limit that never comes is none.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [*numbers, signal.SIGALRM])
        previous = {number: signal.signal(number, handle) for number in numbers}
        previous[signal.SIGALRM] = signal.signal(signal.SIGALRM, tick)
        ending.arm()
        try:
            yield cancellation
        except CancelledError as exc:
            kill_children()  # one may have started that no block ends yet
            if not ending.out_of_time:
                raise
            kept = "; finished steps stay cached" if what == "build" else ""
            raise TimeLimitError(
                f"the {what} did not end within {timeout:g} s", hint=f"raise --timeout{kept}"
            ) from exc
        finally:
            ending.over = True
            watcher.stop()
            if ending.disarm():
                for number, handler in previous.items():
                    signal.signal(number, handler)


def stays_ignored(number: signal.Signals) -> bool:
    """Say whether whoever started this process wants it to ignore a signal."""
    return number in _MAY_BE_IGNORED and signal.getsignal(number) is signal.SIG_IGN


class _Wakeup:
    """A pipe that gets each signal's number as it comes, whatever the main thread is doing."""

    def __enter__(self) -> _Wakeup:
        self.read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._previous = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        signal.set_wakeup_fd(self._previous)
        os.close(self.read)
        os.close(self._write)


class _Watcher:
    """The thread beside the main one: it hears of signals, of the parent's death, and what docker says."""

    def __init__(self, ending: Ending, wakeup: _Wakeup, *, watch_parent: bool) -> None:
        self._ending = ending
        self._wakeup = wakeup
        self._parent = os.getppid() if watch_parent else None
        self._docker = _docker_socket()
        self._stop = Cancellation()
        self._heard = 0
        self._thread = threading.Thread(target=self._run, name="interruption", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it; its pipes can be closed afterwards."""
        self._stop.cancel()
        self._thread.join()
        self._stop.close()
        if self._docker is not None:
            self._docker.close()

    def _run(self) -> None:
        poll = select.poll()
        poll.register(self._wakeup.read, select.POLLIN)
        poll.register(self._stop.fileno(), select.POLLIN)
        if self._docker is not None:
            poll.register(self._docker, select.POLLIN)
        while not self._stop.cancelled:
            poll.poll(self._patience() * 1000)
            self._listen()
            # skaffold interrupts its shell only, never what the shell runs.
            if self._parent is not None and os.getppid() != self._parent:
                self._ending.begin("the parent process is gone")
            if self._docker is not None and _docker_has_ended(self._docker):
                poll.unregister(self._docker)
                self._docker.close()
                self._docker = None
                self._ending.begin("docker was interrupted")
            self._ending.advance(main=False)

    def _patience(self) -> float:
        left = self._ending.until_next()
        if self._parent is not None:
            left = min(left, _PARENT_POLL)
        return min(left, _LONGEST_POLL)

    def _listen(self) -> None:
        with suppress(BlockingIOError):
            for number in os.read(self._wakeup.read, 4096):
                if number in _SIGNALS:
                    self._heard += 1
                    self._ending.hear(self._heard, number)


def _docker_socket() -> socket | None:
    address = os.environ.get("DOCKER_CLI_PLUGIN_SOCKET")
    if not address:
        return None
    from cli.docker_socket import connect

    return connect(address)


def _docker_has_ended(connection: socket) -> bool:
    from cli.docker_socket import has_ended

    return has_ended(connection)
