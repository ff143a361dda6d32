"""What came of each target, and who hears of it while a bake goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from router.errors import RouterError
from router.model.events import Event
from router.model.frozen import frozen
from router.model.result import BuildResult

__all__ = ["BakeListener", "TargetOutcome"]


@frozen
class TargetOutcome:
    """What came of one target: ``result``, or the ``error`` that ended it.

    Neither where it was not built; ``reason`` then says why. ``seconds`` is 0 where it never began.
    """

    name: str
    result: BuildResult | None = None
    error: RouterError | None = None
    reason: str = ""
    seconds: float = 0.0


class BakeListener(Protocol):
    """Hears of targets by name, from several threads at once."""

    def queued(self, targets: Sequence[str], at_once: int, /) -> None:
        """Hear which targets have to wait, because only so many are built at once."""

    def began(self, target: str, /) -> None:
        """Hear that a target is no longer queued."""

    def event(self, target: str, event: Event, /) -> None:
        """Hear of a target's progress."""

    def ended(self, outcome: TargetOutcome, /) -> None:
        """Hear what came of a target."""
