"""Waiting for a daemon that can take a build."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from router.address import parse_address
from router.cancellation import Cancellation
from router.errors import CancelledError, FleetError, NoDaemonError
from router.fleet.contract import Sighting, WatchedFleet
from router.fleet.waiting import Patience, wait_for_fit
from router.model.daemon import Candidate, Daemon
from router.net.deadline import Deadline
from router.placement.order import order

_STARTING = Daemon(
    name="b-0",
    address=parse_address("tcp://b:1"),
    ready=False,
    state="unschedulable",
    detail="0/1 nodes are available",
)
_READY = Daemon(name="b-0", address=parse_address("tcp://b:1"))
_AWAY = FleetError("the API server is away", temporary=True)


@dataclass
class _Listed:
    """A fleet that tells of no change: each listing is the next of these, the last again and again."""

    listings: list[Sequence[Daemon] | FleetError]
    hint: str | None = "look there"

    def daemons(self) -> Sequence[Daemon]:
        listing = self.listings.pop(0) if len(self.listings) > 1 else self.listings[0]
        if isinstance(listing, FleetError):
            raise listing
        return listing

    def describe(self) -> str:
        return "pods of ours"


@dataclass
class _Watched(_Listed, WatchedFleet):
    """A fleet that tells of its changes."""

    seen: list[Sighting] = field(default_factory=list)

    def sightings(self, _deadline: Deadline, _cancellation: Cancellation) -> Iterator[Sighting]:
        yield from self.seen


def _order(daemons: Sequence[Daemon]) -> tuple[Candidate, ...]:
    return order("key", daemons)


def _wait(fleet: _Listed, seconds: float = 20.0) -> tuple[tuple[Candidate, ...], list[str]]:
    said: list[str] = []
    with Cancellation() as switch:
        patience = Patience(seconds=seconds, tell=said.append, cancellation=switch)
        return wait_for_fit(fleet, _order, patience), said


def test_a_fit_daemon_is_not_waited_for() -> None:
    candidates, said = _wait(_Listed([[_READY]]))

    assert [candidate.fit for candidate in candidates] == [True]
    assert said == []


def test_what_is_waited_for_is_told_with_its_state_and_the_time_left() -> None:
    candidates, said = _wait(_Listed([[], [_STARTING], _AWAY, [_READY]]))

    assert candidates[0].fit
    assert said[0] == "waiting for up to 20 s: there are no pods of ours yet"
    assert said[1].endswith(" s: b-0 unschedulable (0/1 nodes are available)")
    assert said[2].endswith(" s: the API server is away")
    assert said[3].startswith("b-0 is ready after ")


def test_the_same_is_not_told_twice() -> None:
    seen = [Sighting(daemons=(_STARTING,))] * 3 + [Sighting(daemons=(_READY,))]

    _, said = _wait(_Watched([], seen=seen))

    assert len(said) == 2


def test_of_many_a_few_are_named() -> None:
    many = tuple(Daemon(name=f"b-{n}", address=parse_address("tcp://b:1"), ready=False) for n in range(8))
    seen = [Sighting(daemons=many), Sighting(daemons=(_READY,))]

    _, said = _wait(_Watched([], seen=seen))

    assert said[0].endswith("b-4 not ready, and 3 more")


def test_waiting_in_vain_is_the_error_of_a_fleet_without_a_fit_daemon() -> None:
    with pytest.raises(NoDaemonError) as caught:
        _wait(_Listed([[_STARTING]]), seconds=0.3)

    assert str(caught.value) == "no ready pods of ours (1 seen: 1 unschedulable); waited 0.3s"
    assert caught.value.hint == "look there"


def test_a_fleet_that_could_never_be_listed_is_the_error() -> None:
    with pytest.raises(FleetError, match="the API server is away"):
        _wait(_Listed([_AWAY]), seconds=0.3)


def test_a_trouble_that_will_not_pass_ends_the_waiting() -> None:
    with pytest.raises(FleetError, match="forbidden"):
        _wait(_Listed([FleetError("forbidden")]))


def test_an_interruption_ends_the_waiting_at_once() -> None:
    with Cancellation() as switch:
        thrown = threading.Event()

        def tell(_text: str) -> None:
            if not thrown.is_set():
                thrown.set()
                threading.Thread(target=switch.cancel).start()

        with pytest.raises(CancelledError):
            wait_for_fit(_Listed([[]]), _order, Patience(seconds=60, tell=tell, cancellation=switch))
