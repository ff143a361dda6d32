"""Steps of making, scaling and removing a fleet, to report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from router.errors import CancelledError
from router.model.frozen import frozen

__all__ = ["FleetStep", "Tell", "told_as"]


@frozen
class FleetStep:
    """The new state of an object or a pod: ``subject`` (``Service ci``, ``ci-0``), ``state`` and why."""

    subject: str
    state: str
    detail: str = ""


Tell = Callable[[FleetStep], None]


@contextmanager
def told_as(what: str, hint: Callable[[], str]) -> Iterator[None]:
    """Raise an interruption as one of ``what``, which is under way, with how to go on from there."""
    try:
        yield
    except CancelledError as exc:
        raise CancelledError(f"{what} was interrupted", hint=hint() or None) from exc
