"""All answers to one question."""

from __future__ import annotations

import pytest

from router.errors import NoDaemonError, UsageError
from router.model.frozen import replace
from router.simulation.given import invented_keys, parse_daemon_names, scaled
from router.simulation.model import Churn, Simulation, Traffic
from router.simulation.study import simulate

DAEMONS = parse_daemon_names(["4"])
QUESTION = Simulation(
    daemons=DAEMONS, keys=invented_keys("40"), max_builds=2, traffic=Traffic(builds=200, every=4.0)
)


def test_each_placement_is_played_free_and_bounded_and_with_restarts() -> None:
    found = simulate(QUESTION)

    assert [balance.placement for balance in found.balances] == ["ring", "rendezvous", "buildx"]
    assert [(run.weather, run.placement, run.bounded) for run in found.runs] == [
        (weather, placement, bounded)
        for weather, bounded in (("quiet", False), ("quiet", True), ("restarts", True))
        for placement in ("ring", "rendezvous", "buildx")
    ]
    free, bounded = found.runs[0].outcome, found.runs[3].outcome
    assert free.at_home == 1.0 > bounded.at_home
    assert free.in_flight > bounded.in_flight


def test_a_bound_of_a_daemons_own_counts_in_the_bounded_runs_alone() -> None:
    daemons = tuple(replace(daemon, max_builds=1) for daemon in DAEMONS)

    found = simulate(replace(QUESTION, daemons=daemons, max_builds=0))

    assert found.runs[0].outcome.at_home == 1.0
    assert found.runs[3].outcome.at_home < 1.0


def test_the_moves_are_those_of_the_scaling_each_loss_and_the_migration() -> None:
    question = replace(QUESTION, scale=(DAEMONS[:3], DAEMONS), migration=("buildx", "rendezvous"))

    found = simulate(question)

    assert [(move.kind, move.event) for move in found.moves] == [
        ("scale", "3 to 4 daemons"),
        *(("loss", daemon.name) for daemon in DAEMONS),
        ("migration", "buildx to rendezvous"),
    ]
    losses = {move.event: move.moved for move in found.moves if move.kind == "loss"}
    assert losses == dict(found.balances[0].keys)
    assert all(move.keys == 40 for move in found.moves)


def test_a_scaling_happens_half_way_also_among_restarts() -> None:
    question = replace(QUESTION, scale=(DAEMONS, scaled(DAEMONS, 5)), churn=Churn(every=100.0))

    found = simulate(question)

    weathers = list(dict.fromkeys(run.weather for run in found.runs))
    assert weathers == ["quiet", "restarts", "scaling", "restarts and scaling"]
    scaling = next(run.outcome for run in found.runs if run.weather == "scaling")
    assert set(scaling.seats) == {f"buildkitd-{number}" for number in range(5)}
    assert scaling.seats["buildkitd-4"].there < scaling.seats["buildkitd-0"].there
    both = next(run.outcome for run in found.runs if run.weather == "restarts and scaling")
    assert both.lost > 0 == scaling.lost


def test_without_restarts_nothing_is_told_of_them() -> None:
    found = simulate(replace(QUESTION, churn=Churn(every=0.0)))

    assert {run.weather for run in found.runs} == {"quiet"}


def test_losing_the_only_daemon_is_no_move() -> None:
    assert simulate(replace(QUESTION, daemons=DAEMONS[:1])).moves == ()


def test_more_than_can_be_simulated_in_a_minute_is_refused() -> None:
    question = replace(QUESTION, keys=invented_keys("10001"), scale=(DAEMONS, scaled(DAEMONS, 200)))

    with pytest.raises(UsageError, match="10001 keys on 200 daemons are too many") as caught:
        simulate(question)

    assert caught.value.hint == "take at most 10000 keys for as many daemons"


def test_more_restarts_than_can_be_simulated_are_refused() -> None:
    question = replace(QUESTION, traffic=Traffic(builds=200, every=3600.0), churn=Churn(every=1.0))

    with pytest.raises(UsageError, match="a restart every 1 s is too often for builds of") as caught:
        simulate(question)

    assert (caught.value.hint or "").startswith("at most 10000 restarts")


def test_nothing_to_simulate_is_told() -> None:
    with pytest.raises(UsageError, match="no keys to simulate"):
        simulate(replace(QUESTION, keys=()))
    with pytest.raises(NoDaemonError, match="no daemons to simulate"):
        simulate(replace(QUESTION, daemons=()))
