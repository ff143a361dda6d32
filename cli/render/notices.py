"""What warmroute itself says during a build."""

from __future__ import annotations

from cli.render.foreign import printable
from router import Attempt, Notice

__all__ = ["attempt_text", "notice_lines"]


def notice_lines(notice: Notice | Attempt, *, verbosity: int) -> list[str]:
    """Write a notice for people; verbose ones only when they asked for more, and no first attempt."""
    if isinstance(notice, Attempt):
        text = attempt_text(notice) if notice.reason else ""
    else:
        text = notice.text if notice.level != "verbose" or verbosity > 0 else ""
    return [f"warmroute: {printable(line)}" for line in text.splitlines()]


def attempt_text(attempt: Attempt) -> str:
    """Say why there is a further attempt, on which daemon it is, and which."""
    return f"{attempt.reason}; retrying on {attempt.daemon} (attempt {attempt.number})"
