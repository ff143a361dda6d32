"""What is told while a fleet is made, scaled or taken down."""

from __future__ import annotations

from collections.abc import Callable

from router.model.frozen import frozen

__all__ = ["FleetStep", "Tell"]


@frozen
class FleetStep:
    """What became of an object or a pod: ``subject`` (``Service ci``, ``ci-0``), ``state`` and why."""

    subject: str
    state: str
    detail: str = ""


Tell = Callable[[FleetStep], None]
