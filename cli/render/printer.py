"""The plain display: what to print for a build, as BuildKit's plain progress writes it.

One step is current; its lines follow each other. Another takes its place when it ends, or when the current
one has had its fair share of the time (so that many steps that write at once can still be read). Nothing is
written here: `take` returns the text.
"""

from __future__ import annotations

from functools import partial

from cli.render.foreign import lines_of, log_text, printable
from cli.render.intervals import elapsed
from cli.render.loglines import LogLines
from cli.render.trace import Step, Trace
from cli.render.units import NANOSECONDS, format_amount, format_log_time
from router import SolveStatus, VertexLog, VertexStatus

__all__ = ["PlainPrinter"]

_ANTI_FLICKER = 5.0  # seconds that the current step keeps its place, more when it writes most
_MAX_DELAY = 10.0  # seconds after which a step that waits is shown
_MAX_WAITING = 1 << 20  # characters after which a step that waits is shown
_MOST_WAITING_IN_ALL = 16 << 20  # characters of all steps together
_MIN_PROGRESS = 0.05  # share of a transfer that is worth a line
_MIN_PROGRESS_INTERVAL = 5 * NANOSECONDS  # or the time since its last line


class _Mark:
    """What the printer remembers of a step."""

    __slots__ = ("changes", "index", "log", "since", "transfers", "warnings")

    def __init__(self) -> None:
        self.index = 0
        self.changes = 0
        self.since = 0.0
        self.log = LogLines()
        self.transfers: set[str] = set()
        self.warnings = 0


class PlainPrinter:
    """Takes a build's events and gives out lines; times are seconds of a monotonic clock.

    ``terminal`` says whether they go to one, where what a step writes could move the cursor.
    """

    def __init__(self, *, terminal: bool = False) -> None:
        self._clean = partial(log_text, terminal=terminal)
        self.trace = Trace()
        self._marks: dict[Step, _Mark] = {}
        self._changed: dict[Step, None] = {}
        self._current: Step | None = None
        self._last: dict[str, VertexStatus] = {}
        self._out: list[str] = []
        self._printed_any = False
        self._line_open = False
        self._next_index = 1
        self._hidden = 0

    def apply(self, status: SolveStatus, now: float) -> None:
        """Take one message of the Status stream."""
        for step in self.trace.update(status, int(now * NANOSECONDS)):
            self._touch(step, now)
        for transfer in status.statuses:
            if owner := self.trace.find(transfer.vertex):
                self._touch(owner, now).transfers.add(transfer.id)
        for log in status.logs:
            self._apply_log(log, now)

    def notice(self, text: str) -> None:
        """Print one line of our own, at once."""
        self._end_line()
        self._out.append(f"{text}\n")

    def heading(self, text: str) -> None:
        """Print what concerns all steps, as a step with the number 0."""
        self._end_line()
        self._out.append(f"#0 {text}\n")
        self._printed_any = True

    def take(self, now: float) -> str:
        """Decide what is to be printed by now, and return it."""
        visible = [step for step in self._changed if not step.hidden]
        current, rest = self._current, [step for step in visible if not step.completed]
        ended = sorted((step for step in visible if step.completed), key=_stop)
        for step in sorted(ended, key=lambda each: each is not current):
            self._print(step)
        if rest:
            self._share(rest, current, now)
            self._relieve(rest)
        elif current is None or not current.started or current.completed:
            running = (step for step in self.trace.shown if not step.completed)
            if opened := next(running, None):
                self._print(opened)
        text = "".join(self._out)
        self._out.clear()
        return text

    def _apply_log(self, log: VertexLog, now: float) -> None:
        step = self.trace.find(log.vertex)
        if step is None:
            return
        if step.hidden:  # perhaps for ever
            self._hidden += len(log.data)
            if self._hidden > _MOST_WAITING_IN_ALL:
                return
        since_start = (log.timestamp or 0) - step.merged[-1].start if step.started and log.timestamp else 0
        self._touch(step, now).log.feed(log.data, format_log_time(since_start))

    def _touch(self, step: Step, now: float) -> _Mark:
        mark = self._marks.get(step)
        if mark is None:
            mark = self._marks[step] = _Mark()
        if mark.changes == 0:
            mark.since = now
        mark.changes += 1
        self._changed[step] = None
        return mark

    def _share(self, rest: list[Step], current: Step | None, now: float) -> None:
        """Choose which of the running steps that have news is current."""
        if current in rest:
            self._print(current)
        if current is not None and current.completed:
            current = None
        waiting = [step for step in rest if step is not current]
        late = [step for step in waiting if self._is_late(step, now)]
        speeds = {step: self._speed(step, now) for step in (*waiting, current) if step is not None}
        busiest = late[0] if late else max(speeds, key=lambda step: speeds[step])
        if current is None or late or self._has_had_its_share(current, speeds, now):
            self._print(busiest)

    def _relieve(self, running: list[Step]) -> None:
        """Print of steps that wait in turn what all of them together must not keep."""
        waiting = {step: size for step in running if (size := self._marks[step].log.size)}
        total = sum(waiting.values())
        for step in sorted(waiting, key=lambda each: waiting[each], reverse=True):
            if total <= _MOST_WAITING_IN_ALL:
                break
            self._print(step)
            total -= waiting[step]

    def _is_late(self, step: Step, now: float) -> bool:
        mark = self._marks[step]
        return now - mark.since > _MAX_DELAY or mark.log.size > _MAX_WAITING

    def _speed(self, step: Step, now: float) -> float:
        mark = self._marks[step]
        return mark.changes / max(now - mark.since, 1e-6)

    def _has_had_its_share(self, current: Step, speeds: dict[Step, float], now: float) -> bool:
        share = speeds[current] / (sum(speeds.values()) or 1.0)
        return share < 1.0 and _ANTI_FLICKER / (1.0 - share) < now - self._marks[current].since

    def _print(self, step: Step) -> None:
        mark = self._marks.setdefault(step, _Mark())
        if not mark.index:
            mark.index, self._next_index = self._next_index, self._next_index + 1
        if step is not self._current:
            self._leave_current()
            name = printable(step.name)
            self._out.append(f"\n#{mark.index} {name}\n" if self._printed_any else f"#{mark.index} {name}\n")
            self._printed_any = True
        running_transfer = self._print_transfers(step, mark)
        for warning in step.warnings[mark.warnings :]:
            self._line(mark, f"WARN: {warning.decode('utf-8', 'replace')}")
        mark.warnings = len(step.warnings)
        if log := mark.log.take(f"#{mark.index} ", self._clean):
            self._out.append(log)
            self._line_open = bool(mark.log.partial)
        self._current = step
        if step.completed and not running_transfer:
            self._finish(step, mark)
        self._changed.pop(step, None)

    def _leave_current(self) -> None:
        if self._current is None:
            return
        mark = self._marks[self._current]
        self._line(mark, "...")
        mark.changes = 0

    def _finish(self, step: Step, mark: _Mark) -> None:
        self._end_line()
        mark.log.finish()
        mark.changes = 0
        self._current = None
        if step.canceled:
            ending = "CANCELED"
        elif step.error:
            ending = f"ERROR: {step.error}"
        elif step.cached:
            ending = "CACHED"
        else:
            ending = f"DONE {elapsed(step.merged, 0) / NANOSECONDS:.1f}s"
        self._line(mark, ending)

    def _print_transfers(self, step: Step, mark: _Mark) -> bool:
        """Print the transfers that have moved on; return whether one of them still runs."""
        running = False
        for key, transfer in step.transfers.items():
            status = transfer.status
            if key not in mark.transfers or not self._is_worth_a_line(status):
                continue
            self._last[key] = status
            self._line(mark, _transfer_line(status))
            running = running or status.completed is None
        mark.transfers.clear()
        return running

    def _is_worth_a_line(self, status: VertexStatus) -> bool:
        last = self._last.get(status.id)
        if last is None or status.completed is not None:
            return True
        progress = (status.current - last.current) / status.total if status.total else 0.0
        waited = (status.timestamp or 0) - (last.timestamp or 0)
        return progress >= _MIN_PROGRESS or waited >= _MIN_PROGRESS_INTERVAL

    def _line(self, mark: _Mark, text: str) -> None:
        self._end_line()
        self._out += [f"#{mark.index} {line}\n" for line in lines_of(text)]

    def _end_line(self) -> None:
        """End the line that a step has left open; it is the current step's."""
        if self._line_open:
            self._out.append("\n")
            self._line_open = False
        if self._current is not None:
            self._marks[self._current].log.interrupt()


def _stop(step: Step) -> int:
    return step.merged[-1].stop or 0


def _transfer_line(status: VertexStatus) -> str:
    words = [status.id]
    if amount := format_amount(status.current, status.total):
        words.append(amount)
    end = status.completed if status.completed is not None else status.timestamp
    if status.started is not None and end is not None and end - status.started > NANOSECONDS // 100:
        words.append(f"{(end - status.started) / NANOSECONDS:.1f}s")
    if status.completed is not None:
        words.append("done")
    return " ".join(words)
