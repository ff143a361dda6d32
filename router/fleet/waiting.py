"""Waiting for a daemon that can take a build, and saying meanwhile what is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from router.cancellation import Cancellation
from router.errors import FleetError, NoDaemonError
from router.fleet.contract import Fleet, Sighting, WatchedFleet
from router.fleet.resting import Rests
from router.model.daemon import Candidate, Daemon
from router.model.frozen import frozen
from router.net.deadline import Deadline
from router.notation.duration import format_duration
from router.placement.order import require_fit

__all__ = ["Patience", "wait_for_fit"]

_MOST_NAMED = 5
# How often the same is said again, with the time that is left.
_REPEAT = 15.0

Order = Callable[[Sequence[Daemon]], tuple[Candidate, ...]]


@frozen
class Patience:
    """How long somebody waits, in seconds; ``tell`` hears what is waited for, now and then."""

    seconds: float
    tell: Callable[[str], None]
    cancellation: Cancellation


def wait_for_fit(fleet: Fleet, order: Order, patience: Patience) -> tuple[Candidate, ...]:
    """Return the order of the fleet as soon as somebody in it is fit.

    Raises NoDaemonError when nobody is fit in time, FleetError when the fleet can't be listed,
    CancelledError at once.
    """
    waiting = _Waiting(fleet, patience)
    for sighting in _sightings(fleet, waiting.deadline, patience.cancellation):
        candidates = () if sighting.trouble else order(sighting.daemons)
        if any(candidate.fit for candidate in candidates):
            waiting.over(candidates)
            return candidates
        waiting.saw(sighting.trouble, candidates)
    raise waiting.vain()


def _sightings(fleet: Fleet, deadline: Deadline, cancellation: Cancellation) -> Iterator[Sighting]:
    if isinstance(fleet, WatchedFleet):
        yield from fleet.sightings(deadline, cancellation)
    else:
        yield from _listings(fleet, deadline, cancellation)


def _listings(fleet: Fleet, deadline: Deadline, cancellation: Cancellation) -> Iterator[Sighting]:
    """List a fleet that tells of no change (names in DNS, say) again and again, at growing intervals."""
    rests = Rests(deadline, cancellation)
    while True:
        try:
            yield Sighting(daemons=tuple(fleet.daemons()))
        except FleetError as exc:
            if not exc.temporary:
                raise
            yield Sighting(trouble=exc)
        if not rests.rest():
            return


class _Waiting:
    """What was seen so far, and what was said of it."""

    def __init__(self, fleet: Fleet, patience: Patience) -> None:
        self.deadline = Deadline(patience.seconds)
        self._fleet = fleet
        self._seconds = patience.seconds
        self._tell = patience.tell
        self._told = ""
        self._next = Deadline(_REPEAT)
        self._candidates: tuple[Candidate, ...] = ()
        self._trouble: FleetError | None = None

    def saw(self, trouble: FleetError | None, candidates: tuple[Candidate, ...]) -> None:
        """Take in what was seen, and tell it if it is new."""
        self._trouble = trouble
        if trouble is None:
            self._candidates = candidates
        text = str(trouble) if trouble else self._states()
        if text != self._told or self._next.passed:
            self._told, self._next = text, Deadline(_REPEAT)
            left = "" if self.deadline.passed else f" for up to {self.deadline.remaining():.0f} s"
            self._tell(f"waiting{left}: {text}")

    def over(self, candidates: Sequence[Candidate]) -> None:
        """Tell who came, if it was waited for at all."""
        if self._told:
            first = next(candidate.daemon.name for candidate in candidates if candidate.fit)
            waited = self._seconds if self.deadline.passed else self._seconds - self.deadline.remaining()
            self._tell(f"{first} is ready after {waited:.1f} s")

    def vain(self) -> FleetError | NoDaemonError:
        """Return the error for having waited in vain."""
        if self._trouble is not None and not self._candidates:
            return self._trouble
        try:
            require_fit(self._candidates, self._fleet.describe(), self._fleet.hint)
        except NoDaemonError as exc:
            return NoDaemonError(f"{exc}; waited {format_duration(self._seconds)}", hint=exc.hint)
        raise AssertionError("somebody was fit")

    def _states(self) -> str:
        if not self._candidates:
            return f"there are no {self._fleet.describe()} yet"
        shown = sorted(self._candidates, key=lambda candidate: candidate.daemon.name)
        texts = [_state(candidate) for candidate in shown[:_MOST_NAMED]]
        more = len(shown) - len(texts)
        return ", ".join([*texts, *([f"and {more} more"] if more else [])])


def _state(candidate: Candidate) -> str:
    detail = candidate.daemon.detail
    return f"{candidate.daemon.name} {candidate.reason}{f' ({detail})' if detail else ''}"
