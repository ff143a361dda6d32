"""Progress that isn't shown: the command prints the digest, and nothing else is said."""

from __future__ import annotations

from router import BuildResult, Event

__all__ = ["QuietRenderer"]


class QuietRenderer:
    """Ignores every event, notices too."""

    def event(self, event: Event) -> None:
        """Do nothing."""

    def hurry(self) -> None:
        """Do nothing."""

    def close(self, error: BaseException | None, result: BuildResult | None = None) -> None:
        """Do nothing."""
