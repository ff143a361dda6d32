"""The outcome of simulated builds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.model.frozen import frozen
from router.simulation.placing import over_mean

__all__ = ["Built", "Outcome", "Seat"]


@frozen
class Built:
    """A build that ended. ``choice`` is which one its daemon was for the key, 1 its home.

    ``repeat``: the key had been asked for before. ``waited`` is the seconds before it began for good,
    ``seconds`` the whole from when it was asked for.
    """

    key: str
    daemon: str
    choice: int
    warm: bool
    repeat: bool
    waited: float
    seconds: float


@frozen
class Seat:
    """A daemon's load: its most builds in flight at one time, seconds of builds and of being up."""

    largest: int
    busy: float
    there: float

    @property
    def in_flight(self) -> float:
        """The builds in flight on the average, while it was up."""
        return self.busy / self.there if self.there else 0.0


@frozen
class Outcome:
    """The outcome of all builds. ``failed`` is how many found no daemon, or were lost too often; ``lost`` how
    often one was lost with its daemon."""

    builds: tuple[Built, ...]
    failed: int
    lost: int
    seats: Mapping[str, Seat]

    @property
    def warm_repeats(self) -> float:
        """The share of builds that were warm, of those whose key had been asked for before."""
        return _share([build.warm for build in self.builds if build.repeat])

    @property
    def at_home(self) -> float:
        """The share of builds that ended on their key's home."""
        return _share([build.choice == 1 for build in self.builds])

    @property
    def in_flight(self) -> float:
        """The builds in flight on the busiest daemon over the mean of all, on the average."""
        return over_mean([seat.in_flight for seat in self.seats.values()])

    @property
    def largest(self) -> int:
        """The most builds that any daemon had in flight."""
        return max(seat.largest for seat in self.seats.values())

    def seconds(self, part: float) -> float:
        """Return the seconds within which this part of the builds has ended: 0.5 for the median."""
        ordered = sorted(build.seconds for build in self.builds)
        return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 1.0
