"""Draws the tty display: ten times a second from a thread of its own, whatever events come or don't."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TextIO

from cli.render.colors import Palette, Style, read_palette
from cli.render.layout import Line, View, final_lines, live_lines
from cli.render.loglines import LogTail
from cli.render.notices import notice_lines
from cli.render.output import Output, Ticker, Turns
from cli.render.screen import RESTORE, Screen
from cli.render.trace import Step, Trace
from cli.render.warnings import Warnings, summarize_warnings
from cli.render.whereabouts import Whereabouts, building_on, last_lines
from router import Attempt, BuildResult, Event, SolveStatus

__all__ = ["TtyRenderer", "open_tty"]

_INTERVAL = 0.1
_LOG_LINES = 6
_MOST_TAILS = 500  # of steps that run at once; more than any terminal has rows


def open_tty(
    stream: TextIO,
    *,
    environment: Mapping[str, str],
    verbosity: int,
    whereabouts: Whereabouts | None = None,
) -> TtyRenderer:
    """Start the display with what the environment says of colours and of the lines of a log window."""
    wanted = environment.get("BUILDKIT_TTY_LOG_LINES", "")
    log_lines = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 6 else 0
    return TtyRenderer(
        Output(stream),
        palette=read_palette(environment),
        log_lines=log_lines or _LOG_LINES,
        verbosity=verbosity,
        whereabouts=whereabouts,
    )


class TtyRenderer:
    """A block that is redrawn in place; `event` only takes notes, so that a slow terminal slows nothing."""

    def __init__(
        self,
        output: Output,
        *,
        palette: Palette,
        log_lines: int,
        verbosity: int,
        whereabouts: Whereabouts | None = None,
    ) -> None:
        self._output = output
        self._palette = palette
        self._log_lines = log_lines
        self._verbosity = verbosity
        self._trace = Trace()
        self._logs: dict[Step, LogTail] = {}
        self._warnings = Warnings()
        self._whereabouts = whereabouts or Whereabouts()
        self._notices: list[Line] = []
        self._screen = Screen(palette)
        self._turns = Turns(output)
        self._began = time.monotonic_ns()
        self._closed = self._recorded = False
        self._ticker = Ticker(self._draw, interval=_INTERVAL)

    def event(self, event: Event) -> None:
        """Take an event; it is drawn with the next frame."""
        with self._turns.mine() as mine:
            if self._closed or not mine:
                return
            self._warnings.hear(event)
            begun = self._whereabouts.hear(event)
            if begun is not None and begun.place.number > 1:  # the header has no room to say why
                self._notices.append(Line(f"warmroute: {building_on(begun)}"))
            if isinstance(event, SolveStatus):
                self._apply(event)
                return
            style: Style = "warning" if isinstance(event, Attempt) or event.level == "warning" else ""
            self._notices += [Line(line, style) for line in notice_lines(event, verbosity=self._verbosity)]

    def hurry(self) -> None:
        """Wait no longer for a reader who takes nothing."""
        self._output.hurry()

    def close(self, error: BaseException | None, result: BuildResult | None = None) -> None:
        """Replace the block by the record of all steps, followed by the warnings and where it was built.

        What interrupts that, a second signal or a thread that is in a hurry, leaves a sane terminal too.
        """
        try:
            self._close(error, result)
        except BaseException:
            self._output.write(RESTORE)
            raise

    def _close(self, error: BaseException | None, result: BuildResult | None) -> None:
        with self._turns.mine() as mine:
            if self._closed or not mine:
                if not self._recorded:
                    self._output.write(RESTORE)
                return
            self._closed = True
        self._ticker.stop()
        columns, rows = self._output.size()
        view = self._view(columns, rows)
        lines = final_lines(self._trace, view, failed=error is not None)
        self._output.write(self._screen.draw(lines, above=self._notices, columns=columns))
        self._recorded = True
        color = self._palette.get("warning", "")
        highlight = (color, "\x1b[0m" if color else "")
        summary = summarize_warnings(
            self._warnings, verbosity=self._verbosity, whole=self._warnings.whole, highlight=highlight
        )
        last = last_lines(result, view.now - view.began, cache_only=self._whereabouts.cache_only)
        self._output.write(summary + ("\n" if last and summary[-2:] not in {"", "\n\n"} else "") + last)

    def _apply(self, status: SolveStatus) -> None:
        for step in self._trace.update(status, time.monotonic_ns()):
            if step.completed:
                self._logs.pop(step, None)
        for log in status.logs:
            writer = self._trace.find(log.vertex)
            if writer is not None and not writer.completed:
                self._tail(writer).feed(log.data)

    def _tail(self, writer: Step) -> LogTail:
        tail = self._logs.get(writer)
        if tail is None:
            if len(self._logs) >= _MOST_TAILS:
                del self._logs[next(iter(self._logs))]
            tail = self._logs[writer] = LogTail()
        return tail

    def _draw(self) -> None:
        columns, rows = self._output.size()
        with self._turns.mine() as mine:
            if self._closed or not mine:
                return
            lines = live_lines(self._trace, self._logs, self._view(columns, rows))
            notices, self._notices = self._notices, []
        self._output.write(self._screen.draw(lines, above=notices, columns=columns))

    def _view(self, columns: int, rows: int) -> View:
        return View(
            columns=columns,
            rows=rows,
            began=self._began,
            now=time.monotonic_ns(),
            log_lines=self._log_lines,
            label=self._whereabouts.label,
        )
