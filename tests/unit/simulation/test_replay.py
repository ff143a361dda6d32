"""Builds played through a fleet: who is warm, who spills, who waits, and what restarts do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.failover import Policy
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.model.routing import Spill
from router.placement.order import order
from router.simulation.arrivals import Arrival, Change, Down, Resized, Up, arrivals, restarts
from router.simulation.given import invented_keys, parse_daemon_names, scaled
from router.simulation.model import Churn, SimulatedKey, Traffic, weights
from router.simulation.outcome import Outcome
from router.simulation.replay import Story, replay

THREE, FOUR = parse_daemon_names(["3"]), parse_daemon_names(["4"])
COLD, WARM = 60.0, 10.0


def ranked(key: str, daemons: Sequence[Daemon] = THREE) -> list[str]:
    return [candidate.daemon.name for candidate in order(key, daemons)]


def at(*moments: float, key: str = "app") -> tuple[Arrival, ...]:
    return tuple(Arrival(at=moment, key=key, cold=COLD, warm=WARM) for moment in moments)


def played(
    builds: Sequence[Arrival],
    *changes: Change,
    max_builds: int = 0,
    queue: float = 0.0,
    spill: Spill = "next",
    daemons: tuple[Daemon, ...] = THREE,
) -> Outcome:
    return replay(
        Story(
            daemons=daemons,
            placement="ring",
            policy=Policy(max_builds=max_builds, spill=spill, queue=queue),
            arrivals=builds,
            changes=changes,
        )
    )


def told(outcome: Outcome) -> list[tuple[str, bool, float]]:
    return [(build.daemon, build.warm, build.seconds) for build in outcome.builds]


def test_the_first_build_of_a_key_is_cold_and_the_next_one_warm() -> None:
    home = ranked("app")[0]

    assert told(played(at(0, 100))) == [(home, False, COLD), (home, True, WARM)]


def test_a_build_that_begins_while_its_key_is_built_shares_the_cold_steps() -> None:
    home = ranked("app")[0]

    outcome = played(at(0, 20, 55))

    # The last one has 10 s of its own to do, which end after the first build.
    assert told(outcome) == [(home, False, 60.0), (home, False, 40.0), (home, False, 10.0)]
    assert outcome.warm_repeats == 0


def test_a_full_home_is_passed_over_for_the_next_in_the_order() -> None:
    home, second, third = ranked("app")

    outcome = played(at(0, 1, 2), max_builds=1)

    assert [(build.daemon, build.choice) for build in outcome.builds] == [(home, 1), (second, 2), (third, 3)]


def test_where_all_are_full_the_least_loaded_takes_one_more() -> None:
    outcome = played(at(*range(9)), max_builds=1)

    assert {seat.largest for seat in outcome.seats.values()} == {3}


def test_a_daemons_own_bound_wins() -> None:
    home, second, _ = ranked("app")
    daemons = tuple(replace(daemon, max_builds=2) if daemon.name == home else daemon for daemon in THREE)

    outcome = played(at(0, 1, 2), max_builds=1, daemons=daemons)

    assert [build.daemon for build in outcome.builds] == [home, home, second]


def test_who_waits_in_line_gets_the_first_room() -> None:
    outcome = played(at(0, 1), max_builds=1, queue=300, daemons=THREE[:1])

    assert told(outcome) == [("buildkitd-0", False, COLD), ("buildkitd-0", True, 59 + WARM)]
    assert outcome.builds[1].waited == 59
    assert outcome.seats["buildkitd-0"].largest == 1


def test_who_waits_in_line_stays_there_for_a_daemon_that_restarts() -> None:
    away = Down(at=30, daemon="buildkitd-0"), Up(at=40, daemon="buildkitd-0")

    outcome = played(at(0, 1), *away, max_builds=1, queue=300, daemons=THREE[:1])

    # It was there before the lost one is back in line.
    assert [build.waited for build in outcome.builds] == [39, 100]
    assert (outcome.lost, outcome.failed) == (1, 0)


def test_a_time_in_line_that_is_over_ends_on_the_least_loaded() -> None:
    outcome = played(at(0, 1), max_builds=1, queue=5, daemons=THREE[:1])

    assert outcome.builds[1].waited == 5
    assert outcome.seats["buildkitd-0"].largest == 2


def test_while_home_is_away_its_builds_wait_elsewhere_and_come_home() -> None:
    home, second, _ = ranked("app")

    outcome = played(at(0, 150, 300), Down(at=100, daemon=home), Up(at=200, daemon=home))

    assert told(outcome) == [(home, False, COLD), (second, False, COLD), (home, True, WARM)]
    assert [build.choice for build in outcome.builds] == [1, 2, 1]


def test_a_daemon_that_loses_its_cache_is_cold_when_it_is_back() -> None:
    home = ranked("app")[0]

    outcome = played(at(0, 300), Down(at=100, daemon=home, loses_cache=True), Up(at=200, daemon=home))

    assert told(outcome) == [(home, False, COLD), (home, False, COLD)]


def test_a_build_is_lost_with_its_daemon_and_begun_on_the_next() -> None:
    home, second, _ = ranked("app")

    outcome = played(at(0), Down(at=30, daemon=home), Up(at=90, daemon=home))

    assert told(outcome) == [(second, False, 30 + 0.5 + COLD)]
    assert (outcome.lost, outcome.failed) == (1, 0)
    assert outcome.seats[home].busy == 30


def test_a_build_that_no_daemon_can_take_fails() -> None:
    outcome = played(at(0, 50), Down(at=30, daemon="buildkitd-0"), daemons=THREE[:1])

    # The first was taken once and is waited for, though in vain; the second never.
    assert (outcome.builds, outcome.failed, outcome.lost) == ((), 2, 1)
    assert outcome.warm_repeats == outcome.at_home == 1.0
    assert outcome.seconds(0.95) == 0.0


def test_a_lost_build_waits_for_a_daemon_that_comes_back() -> None:
    outcome = played(
        at(0), Down(at=30, daemon="buildkitd-0"), Up(at=33, daemon="buildkitd-0"), daemons=THREE[:1]
    )

    assert [build.daemon for build in outcome.builds] == ["buildkitd-0"]
    assert (outcome.lost, outcome.failed) == (1, 0)


def test_scaling_moves_keys_to_a_cold_daemon_and_back_to_one_that_is_warm() -> None:
    larger = scaled(THREE, 4)
    key = next(key.key for key in invented_keys("100") if ranked(key.key, larger)[0] == larger[-1].name)
    old, new = ranked(key)[0], larger[-1].name

    outcome = played(
        at(0, 150, 300, key=key), Resized(at=100, daemons=larger), Resized(at=250, daemons=THREE)
    )

    assert told(outcome) == [(old, False, COLD), (new, False, COLD), (old, True, WARM)]


def test_a_daemon_that_is_away_stays_away_when_the_fleet_is_scaled() -> None:
    home = ranked("app")[0]
    same = (*THREE, *parse_daemon_names(["other"]))
    assert ranked("app", same)[0] == home

    outcome = played(at(30), Down(at=10, daemon=home), Resized(at=20, daemons=same))

    assert outcome.builds[0].daemon == ranked("app", same)[1]


def test_a_home_that_is_new_gives_way_to_the_one_that_is_warm_while_that_has_room() -> None:
    key = next(key for key in map(str, range(100)) if ranked(key, FOUR)[0] not in ranked(key))
    new, old = ranked(key, FOUR)[0], ranked(key)[0]

    outcome = played(at(0, 100, 105, 200, key=key), Resized(at=50, daemons=FOUR), max_builds=1, spill="warm")

    assert told(outcome) == [(old, False, COLD), (old, True, WARM), (new, False, COLD), (new, True, WARM)]


def test_no_two_bounded_daemons_that_are_enough_have_more_than_their_bound() -> None:
    outcome = played(at(*range(6)), max_builds=2)

    assert Counter(build.daemon for build in outcome.builds) == dict.fromkeys(ranked("app"), 2)


_STORIES = st.fixed_dictionaries(
    {
        "moments": st.lists(st.floats(0, 500, width=16), min_size=1, max_size=25),
        "max_builds": st.integers(0, 3),
        "queue": st.sampled_from([0.0, 40.0, 10_000.0]),
        "spill": st.sampled_from(["warm", "next"]),
        "downs": st.lists(st.tuples(st.integers(0, 500), st.integers(0, 2), st.integers(1, 90)), max_size=4),
    }
)


@settings(max_examples=200, deadline=None)
@given(drawn=_STORIES, keys=st.integers(1, 4))
def test_every_build_ends_and_a_story_always_ends_in_the_same_way(
    drawn: dict[str, object], keys: int
) -> None:
    moments, downs = drawn["moments"], drawn["downs"]
    assert isinstance(moments, list)
    assert isinstance(downs, list)
    builds = [
        Arrival(at=moment, key=f"key-{number % keys}", cold=COLD, warm=WARM)
        for number, moment in enumerate(sorted(moments))
    ]
    changes = [
        change
        for begins, number, seconds in downs
        for change in (
            Down(at=begins, daemon=f"buildkitd-{number}"),
            Up(at=begins + seconds, daemon=f"buildkitd-{number}"),
        )
    ]
    bound, queue = drawn["max_builds"], drawn["queue"]
    assert isinstance(bound, int)
    assert isinstance(queue, float)

    spill: Spill = "warm" if drawn["spill"] == "warm" else "next"
    outcome = played(builds, *changes, max_builds=bound, queue=queue, spill=spill)

    assert len(outcome.builds) + outcome.failed == len(builds)
    assert outcome == played(builds, *changes, max_builds=bound, queue=queue, spill=spill)
    assert all(build.seconds >= WARM for build in outcome.builds)
    if not changes:
        assert outcome.lost == outcome.failed == 0
        seen = sum(seat.busy for seat in outcome.seats.values())
        assert seen == pytest.approx(sum(build.seconds - build.waited for build in outcome.builds))
    if bound and queue > 1000 and not changes:
        assert outcome.largest <= bound


def test_quiet_builds_far_apart_are_cold_once_for_each_key() -> None:
    keys = invented_keys("50")
    builds = arrivals(keys, Traffic(builds=500, every=1000.0, zipf=1.0, cold=1, warm=1), seed=3)

    outcome = played(builds)

    cold = Counter(build.key for build in outcome.builds if not build.warm)
    assert set(cold.values()) == {1}
    assert outcome.warm_repeats == outcome.at_home == 1.0


def test_arrivals_follow_the_weights_and_the_seed() -> None:
    keys = (SimulatedKey(key="a", rate=30.0), SimulatedKey(key="b", rate=10.0, cold=5.0, warm=1.0))
    traffic = Traffic(builds=4000, every=None)

    builds = arrivals(keys, traffic, seed=1)

    counts = Counter(build.key for build in builds)
    assert counts["a"] / 4000 == pytest.approx(0.75, abs=0.03)
    assert builds[-1].at / 4000 == pytest.approx(3600 / 40, rel=0.1)
    assert {(build.cold, build.warm) for build in builds if build.key == "b"} == {(5.0, 1.0)}
    assert builds == arrivals(keys, traffic, seed=1)
    assert builds != arrivals(keys, traffic, seed=2)


def test_keys_without_rates_have_zipf_weights() -> None:
    assert weights(invented_keys("3"), 1.0) == pytest.approx((6 / 11, 3 / 11, 2 / 11))
    assert weights(invented_keys("2"), 0.0) == pytest.approx((0.5, 0.5))
    assert weights(invented_keys("9"), 10_000.0) == pytest.approx((1.0, *[0.0] * 8))


def test_daemons_restart_one_after_the_other() -> None:
    churn = Churn(every=100, takes=30, keeps_cache=False)

    found = restarts(THREE[:2], churn, until=350)

    assert found == (
        Down(at=100, daemon="buildkitd-0", loses_cache=True),
        Up(at=130, daemon="buildkitd-0"),
        Down(at=200, daemon="buildkitd-1", loses_cache=True),
        Up(at=230, daemon="buildkitd-1"),
        Down(at=300, daemon="buildkitd-0", loses_cache=True),
        Up(at=330, daemon="buildkitd-0"),
    )
    assert restarts(THREE, replace(churn, every=0.0), until=350) == ()
