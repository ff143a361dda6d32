"""Writes the plain display: at most ten times a second while events come, and on when they don't."""

from __future__ import annotations

import time
from typing import TextIO

from cli.render.notices import notice_lines
from cli.render.output import Output, Ticker, Turns
from cli.render.printer import PlainPrinter
from cli.render.units import NANOSECONDS
from cli.render.warnings import Warnings, summarize_warnings
from cli.render.whereabouts import Whereabouts, building_on, last_lines
from router import BuildResult, Event, SolveStatus

__all__ = ["PlainRenderer"]

_MIN_INTERVAL = 0.1  # seconds between prints while events come
_IDLE = 0.15  # seconds without an event after which the rest is printed


class PlainRenderer:
    """Lines that are never taken back.

    Whoever calls `event` writes when it is time to: a reader that doesn't keep up slows the build instead of
    filling the memory.
    """

    def __init__(self, stream: TextIO, *, verbosity: int, whereabouts: Whereabouts | None = None) -> None:
        self._output = Output(stream)
        self._verbosity = verbosity
        self._printer = PlainPrinter(terminal=stream.isatty())
        self._warnings = Warnings()
        self._whereabouts = whereabouts or Whereabouts()
        self._began = time.monotonic()
        self._turns = Turns(self._output)
        self._told = self._printed = 0.0
        self._closed = False
        self._ticker = Ticker(self._tick, interval=_IDLE)

    def event(self, event: Event) -> None:
        """Take an event; print when the last time is long enough ago."""
        with self._turns.mine() as mine:
            if self._closed or not mine:
                return
            self._told = now = time.monotonic()
            self._warnings.hear(event)
            if begun := self._whereabouts.hear(event):
                self._printer.heading(building_on(begun))
            if isinstance(event, SolveStatus):
                self._printer.apply(event, now)
            else:
                for line in notice_lines(event, verbosity=self._verbosity):
                    self._printer.notice(line)
            if not isinstance(event, SolveStatus) or now - self._printed >= _MIN_INTERVAL:
                self._printed = now
                self._print(now)

    def hurry(self) -> None:
        """Wait no longer for a reader who takes nothing."""
        self._output.hurry()

    def close(
        self,
        error: BaseException | None,  # noqa: ARG002 -- the command prints it
        result: BuildResult | None = None,
    ) -> None:
        """Print what is left, then the warnings, and where it was built."""
        with self._turns.mine() as mine:
            if self._closed or not mine:
                return
            self._closed = True
        self._ticker.stop()
        with self._turns.mine() as mine:
            if not mine:
                return
            self._print(time.monotonic())
            whole = self._warnings.whole
            summary = summarize_warnings(self._warnings, verbosity=self._verbosity, whole=whole)
            took = int((time.monotonic() - self._began) * NANOSECONDS)
            last = last_lines(result, took, cache_only=self._whereabouts.cache_only)
            self._output.write(summary + ("\n" if last and not summary.endswith("\n\n") else "") + last)

    def _tick(self) -> None:
        with self._turns.mine() as mine:
            now = time.monotonic()
            if mine and not self._closed and now - self._told >= _IDLE:
                self._print(now)

    def _print(self, now: float) -> None:
        self._output.write(self._printer.take(now))
