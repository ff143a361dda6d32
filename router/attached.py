"""A program that runs in this one's place, at its terminal: the signals that this process gets are passed on.

Signals that the terminal's keys send reach both anyway. Which program it is, is the caller's business.
"""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Any, Protocol, Self

from router.process import start_attached
from router.program import Command

__all__ = ["run_attached"]

_KEYS = (signal.SIGINT, signal.SIGQUIT)
_PASSED_ON = (*_KEYS, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class _Child(Protocol):
    """What is told of signals, and looked at when one has come."""

    def poll(self) -> int | None:
        """Return the exit code, None while it runs."""

    def send_signal(self, sig: int) -> None:
        """Send a signal; one to a child that has ended is no error."""


def run_attached(command: Command) -> int:
    """Run a program in this one's place; return its exit code, negative for a signal.

    It has this process's stdin, stdout, stderr and terminal; signals that this process gets are passed on,
    except those of the terminal's keys, which reach both. Only for the main thread. Raises ``ToolError``
    when it can't be started.
    """
    with _PassedOn() as passed_on:
        child = start_attached(command)
        passed_on.to(child)
        return passed_on.wait(child)


class _PassedOn:
    """Hands signals on to a child; those that come before there is one wait for it."""

    def __init__(self) -> None:
        self._child: _Child | None = None
        self._early: list[int] = []
        self._previous: dict[signal.Signals, Any] = {}
        self._read = self._write = self._previous_descriptor = -1

    def to(self, child: _Child) -> None:
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def wait(self, child: _Child) -> int:
        """Return the child's exit code.

        A signal that comes just before the wait for a child begins interrupts nothing, and its handler would
        run when the child has ended; a byte in a pipe is still there.
        """
        while (code := child.poll()) is None:
            select.select([self._read], [], [])
            os.read(self._read, 4096)
        return code

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number in _KEYS and _in_foreground():
            return
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)

    def __enter__(self) -> Self:
        for number in _PASSED_ON:
            # What nohup and its like have set to be ignored stays so, for the child as well.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._previous[number] = signal.signal(number, self._handle)
        self._previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, _woken)
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._previous_descriptor = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._previous_descriptor)
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        os.close(self._read)
        os.close(self._write)


def _woken(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: that the signal came stands in the pipe."""


def _in_foreground() -> bool:
    """Return whether the terminal's keys signal this process, and so a child of its group too."""
    try:
        descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return False  # there is no terminal
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(descriptor)
