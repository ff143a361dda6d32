"""The keeper of builds' spans, for as long as the builds last."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from router.tracing import Span

__all__ = ["Telemetry"]


class Telemetry:
    """A context manager around builds; leaving it exports what they told, and never raises.

    ``span`` is for ``BuildRouter``. ``problems`` are sentences about what could not be kept or exported, also
    those found at the end. Here nothing is kept: a trace that the environment names is only passed on.
    """

    def __init__(self, span: Span, problems: tuple[str, ...] = ()) -> None:
        self.span = span
        self.problems = problems

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Do nothing: nothing was kept."""
