"""The tty display's lines: which steps are shown, in how many rows and columns. Pure.

While the build runs, the steps that run come first: they are always there when the height allows it, then
come windows on what they write, then the steps that ended last. The final record leaves nothing out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cli.named import NamedTuple
from cli.render.cells import GAP, cell_width, fit, pad
from cli.render.colors import Style
from cli.render.foreign import printable
from cli.render.intervals import elapsed
from cli.render.loglines import LogTail
from cli.render.trace import Step, Trace, Transfer
from cli.render.units import NANOSECONDS, format_amount, format_bar, format_rate

__all__ = ["Line", "View", "final_lines", "live_lines"]

_INDENT = " => "
_LOG_INDENT = " => => # "
_SHORTEST_NAME = 12  # columns that a name keeps before the amount beside it is shown
_SHORT_NAME = 24  # the same before a bar and a rate are


class Line(NamedTuple):
    """One row."""

    text: str
    style: Style = ""


class View(NamedTuple):
    """The terminal and the moment: nanoseconds by our own clock."""

    columns: int
    rows: int
    began: int
    now: int
    log_lines: int
    label: str = ""
    """Where the build is, for the end of the header."""


class _Job(NamedTuple):
    """A step, or something within it, on one row."""

    name: str
    nanoseconds: int
    amount: str = ""
    more: str = ""
    """The amount with a bar and the rate."""
    style: Style = ""
    running: bool = False
    step: Step | None = None


def live_lines(trace: Trace, logs: Mapping[Step, LogTail], view: View) -> list[Line]:
    """Lay out a running build in at most ``rows - 1`` rows of ``columns - 1`` columns.

    The last row is the cursor's, the last column is kept free: some terminals wrap when it is filled.
    """
    rows = view.rows - 2  # the header and the cursor
    if rows < 0:
        return []
    jobs = [job for step in trace.shown for job in _jobs(step, view.now)]
    windows = _windows(jobs, logs, view, rows)
    lines = [_header(trace, view, ending="")]
    for job in _select(jobs, rows - sum(map(len, windows.values()))):
        lines.append(_job_line(job, view))
        lines += windows.get(job.step, ()) if job.step else ()
    return lines


def final_lines(trace: Trace, view: View, *, failed: bool) -> list[Line]:
    """Lay out what stays on the terminal: every step; those that never ended were canceled."""
    if not trace.shown:
        return []
    completed, total = trace.counts()
    jobs = (job for step in trace.shown for job in _jobs(step, view.now))
    ending = " FINISHED" if completed == total and not failed else ""
    return [_header(trace, view, ending=ending), *(_job_line(_settled(job), view) for job in jobs)]


def _header(trace: Trace, view: View, *, ending: str) -> Line:
    completed, total = trace.counts()
    time, columns = f"{(view.now - view.began) / NANOSECONDS:.1f}s", view.columns - 1
    longer = f"[+] Building {time} ({completed}/{total}){ending}"
    shorter = f"[+] {time} ({completed}/{total}){ending}"
    if view.label:
        for text in (longer, shorter):
            if len(text) + len(GAP) + cell_width(view.label) <= columns:
                return Line(pad(text, view.label, columns))
    text = next((each for each in (longer, shorter) if len(each) <= columns), f"[+] {time}{ending}")
    return Line(fit(text, columns))


def _jobs(step: Step, now: int) -> list[_Job]:
    time = elapsed(step.merged, now)
    jobs = [
        _Job(name=_title(step), nanoseconds=time, style=_style(step), running=not step.completed, step=step)
    ]
    jobs += [_transfer_job(transfer, now) for transfer in step.transfers.values()]
    for warning in step.warnings:
        name = f"WARN: {warning.decode('utf-8', 'replace')}"
        jobs.append(_Job(name=printable(name), nanoseconds=time, style="warning"))
    return jobs


def _title(step: Step) -> str:
    prefix = "CACHED " if step.cached else ""
    if step.error:
        prefix = "CANCELED " if step.canceled else "ERROR "
    return prefix + printable(step.name)


def _style(step: Step) -> Style:
    if step.error:
        return "cancel" if step.canceled else "error"
    return "run" if step.completed else ""


def _transfer_job(transfer: Transfer, now: int) -> _Job:
    status = transfer.status
    running = status.completed is None
    end = now if status.completed is None else status.completed
    time = end - (transfer.seen if running else status.started or end)
    amount = format_amount(status.current, status.total)
    bar = format_bar(status.current, status.total) if running and status.total else ""
    return _Job(
        name=f"=> {printable(status.id)}",
        amount=amount,
        more=" ".join(filter(None, [bar, amount, format_rate(status.current, time)])),
        nanoseconds=time,
        style="" if running else "run",
        running=running,
    )


def _settled(job: _Job) -> _Job:
    if not job.running or job.step is None:
        return job
    return _Job(name=f"CANCELED {job.name}", nanoseconds=job.nanoseconds, style="cancel")


def _job_line(job: _Job, view: View) -> Line:
    columns = view.columns - 1
    seconds = job.nanoseconds / NANOSECONDS
    timer = f"{seconds if seconds >= 0.05 else 0:.1f}s"
    name = _INDENT + job.name
    free = columns - len(timer) - len(GAP)
    for amount, shortest in ((job.more, _SHORT_NAME), (job.amount, _SHORTEST_NAME)):
        left = free - len(amount) - 1
        if amount and left >= len(_INDENT) + shortest:
            name = f"{fit(name, left)} {amount}"
            break
    return Line(pad(name, timer, columns), job.style)


def _windows(
    jobs: Sequence[_Job], logs: Mapping[Step, LogTail], view: View, rows: int
) -> dict[Step, list[Line]]:
    """Give the rows that running steps leave, and some for those that ended, to what the steps write."""
    free = rows - sum(job.running for job in jobs) - min(3, rows // 4)
    writing = [job.step for job in jobs if job.step is not None and job.running and job.step in logs]
    windows: dict[Step, list[Line]] = {}
    for step in sorted(writing, key=lambda each: logs[each].size, reverse=True):
        if free <= 0:
            break
        columns = view.columns - 1 - len(_LOG_INDENT)
        texts = logs[step].lines(min(view.log_lines, free), columns)
        windows[step] = [Line(_LOG_INDENT + text, "log") for text in texts]
        free -= len(texts)
    return windows


def _select(jobs: Sequence[_Job], rows: int) -> list[_Job]:
    """Keep the last jobs that fit, those that run before those that don't, in their order."""
    if len(jobs) <= rows:
        return list(jobs)
    running = [index for index, job in enumerate(jobs) if job.running]
    ended = [index for index, job in enumerate(jobs) if not job.running]
    kept = running[-rows:] if rows > 0 else []
    if left := max(rows - len(kept), 0):
        kept += ended[-left:]
    return [jobs[index] for index in sorted(kept)]
