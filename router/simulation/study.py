"""One question, all its answers: balance and moves by placement, and the outcome of builds in each case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, get_args

from router.errors import NoDaemonError, UsageError
from router.model.daemon import Daemon
from router.model.frozen import frozen, replace
from router.model.routing import Placement
from router.simulation.arrivals import Arrival, Change, Resized, arrivals, restarts
from router.simulation.model import Simulation, weights
from router.simulation.outcome import Outcome
from router.simulation.placing import Balance, Homes, Move, balance, first_two, homes, homes_without, move
from router.simulation.replay import Story, replay

__all__ = ["Findings", "Run", "Weather", "simulate"]

_MOST_RESTARTS = 10_000
# Keys times daemons: the order of each key has every daemon, and more take minutes.
_MOST_PLACED = 2_000_000

Weather = Literal["quiet", "restarts", "scaling", "restarts and scaling"]
"""The changes of the fleet while builds arrive."""


@frozen
class Run:
    """One playing of the builds; ``bounded`` is whether daemons had a bound of builds."""

    weather: Weather
    placement: Placement
    bounded: bool
    outcome: Outcome


@frozen
class Findings:
    """The answers: ``balances`` and ``runs`` of each placement, ``moves`` of the one that was asked about."""

    balances: tuple[Balance, ...]
    moves: tuple[Move, ...]
    runs: tuple[Run, ...]


def simulate(question: Simulation) -> Findings:
    """Answer a question. Raises ``UsageError``, ``NoDaemonError`` where there is nothing to simulate."""
    if not question.keys:
        raise UsageError(
            "there are no keys to simulate", hint="name some, or give --keys FILE or --keys 1000"
        )
    if not question.daemons:
        raise NoDaemonError("there are no daemons to simulate", hint="name some with --daemons")
    most = max(len(daemons) for daemons in (question.daemons, *(question.scale or ())))
    if len(question.keys) * most > _MOST_PLACED:
        raise UsageError(
            f"{len(question.keys)} keys on {most} daemons are too many to simulate",
            hint=f"take at most {_MOST_PLACED // most} keys for as many daemons",
        )
    return _Study(question).findings()


class _Study:
    def __init__(self, question: Simulation) -> None:
        self._question = question
        self._keys = [key.key for key in question.keys]
        shares = weights(question.keys, question.traffic.zipf)
        self._shares = dict(zip(self._keys, shares, strict=True))

    def findings(self) -> Findings:
        placements: tuple[Placement, ...] = get_args(Placement)
        found = {placement: self._homes(self._question.daemons, placement) for placement in placements}
        balances = tuple(
            balance(found[placement], self._question.daemons, placement, self._shares)
            for placement in placements
        )
        return Findings(
            balances=balances, moves=tuple(self._moves(found)), runs=tuple(self._runs(placements))
        )

    def _homes(self, daemons: tuple[Daemon, ...], placement: Placement) -> Homes:
        return homes(self._keys, daemons, placement)

    def _moves(self, found: dict[Placement, Homes]) -> Iterator[Move]:
        question, shares = self._question, self._shares
        if question.scale:
            before, after = question.scale
            now, then = (self._homes(daemons, question.placement) for daemons in question.scale)
            yield move("scale", f"{len(before)} to {len(after)} daemons", now, then, shares)
        if len(question.daemons) > 1:
            first = first_two(self._keys, question.daemons, question.placement)
            for lost in question.daemons:
                left = homes_without(lost.name, first)
                yield move("loss", lost.name, found[question.placement], left, shares)
        if question.migration:
            old, new = question.migration
            yield move("migration", f"{old} to {new}", found[old], found[new], shares)

    def _runs(self, placements: tuple[Placement, ...]) -> Iterator[Run]:
        question = self._question
        builds = arrivals(question.keys, question.traffic, question.seed)
        span = builds[-1].at
        if question.churn.every and span / question.churn.every > _MOST_RESTARTS:
            raise UsageError(
                f"a restart every {question.churn.every:g} s is too often for builds of {span / 3600:.3g} h",
                hint=f"at most {_MOST_RESTARTS} restarts can be simulated: --restart-every",
            )
        for placement in placements:
            free = tuple(replace(daemon, max_builds=None) for daemon in question.daemons)
            policy = replace(question.policy, max_builds=0)
            story = Story(
                daemons=free, placement=placement, policy=policy, arrivals=builds, seed=question.seed
            )
            yield Run(weather="quiet", placement=placement, bounded=False, outcome=replay(story))
        for weather, daemons, changes in self._weathers(span):
            for placement in placements:
                story = self._story(placement, builds, daemons, changes)
                yield Run(weather=weather, placement=placement, bounded=True, outcome=replay(story))

    def _story(
        self,
        placement: Placement,
        builds: tuple[Arrival, ...],
        daemons: tuple[Daemon, ...],
        changes: tuple[Change, ...],
    ) -> Story:
        return Story(
            daemons=daemons,
            placement=placement,
            policy=self._question.policy,
            arrivals=builds,
            changes=changes,
            seed=self._question.seed,
        )

    def _weathers(self, span: float) -> Iterator[tuple[Weather, tuple[Daemon, ...], tuple[Change, ...]]]:
        """Yield what happens, to which daemons; a fleet is scaled half-way."""
        question = self._question
        restarted = restarts(question.daemons, question.churn, span)
        yield "quiet", question.daemons, ()
        if restarted:
            yield "restarts", question.daemons, restarted
        if question.scale:
            before, after = question.scale
            resized = Resized(at=span / 2, daemons=after)
            yield "scaling", before, (resized,)
            if restarted:
                yield "restarts and scaling", before, (*restarts(before, question.churn, span), resized)
