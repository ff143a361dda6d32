"""A build that somebody else ends: what it hears of it, and what comes of that. See ``solve.recall``."""

from __future__ import annotations

from router.errors import CancelledError
from router.solve.inflight import history_event
from router.solve.recall import recalled_by

__all__ = ["Recall"]


class Recall:
    """Hears the events of a daemon's history for the word that ends the build ``ref``."""

    def __init__(self, ref: str) -> None:
        self._ref = ref
        self._by: str | None = None

    def hear(self, message: memoryview) -> None:
        """Take one BuildHistoryEvent. Raises ``Http2Error`` where it is none."""
        event = history_event(message)
        if event.deleted and self._by is None:
            self._by = recalled_by(event.ref, self._ref)

    @property
    def heard(self) -> bool:
        """Whether the build is to end."""
        return self._by is not None

    def error(self, daemon: str) -> CancelledError:
        """Return what the build ends with."""
        by = f" by {self._by}" if self._by else ""
        return CancelledError(f"the build on {daemon} was canceled{by} (warmroute cancel)", reason="recalled")
