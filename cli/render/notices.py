"""What warmroute itself says during a build."""

from __future__ import annotations

from cli.render.cells import printable
from router.model.events import Notice

__all__ = ["notice_lines"]


def notice_lines(notice: Notice, *, verbosity: int) -> list[str]:
    """Write a notice for people; verbose ones only when they asked for more."""
    if notice.level == "verbose" and verbosity <= 0:
        return []
    return [f"warmroute: {printable(line)}" for line in notice.text.splitlines()]
