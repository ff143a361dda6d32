"""The order of a fleet, and who is left out of it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given

from router.address import parse_address
from router.errors import FleetError, NoDaemonError
from router.model.address import TcpAddress
from router.model.daemon import Daemon, Exclusion
from router.model.routing import Placement
from router.placement.order import order, require_fit
from tests.unit.placement.rankings import FLEETS, KEYS, RANKINGS

_WHERE = "buildkitd pod matches app=buildkitd in namespace ci"


def _daemon(name: str, *, ready: bool = True, terminating: bool = False, platforms: str = "") -> Daemon:
    return Daemon(
        name=name,
        address=TcpAddress(host=name),
        ready=ready,
        terminating=terminating,
        platforms=tuple(platforms.split()),
    )


def _reason(daemon: Daemon, *platforms: str) -> str:
    (candidate,) = order("key", [daemon], platforms=platforms)
    return candidate.reason


@pytest.mark.parametrize("placement", RANKINGS)
@given(key=KEYS, names=FLEETS)
def test_the_fleet_is_ranked_as_the_placement_ranks_its_names(
    placement: Placement, key: str, names: list[str]
) -> None:
    candidates = order(key, [_daemon(name) for name in names], placement)

    assert tuple(candidate.daemon.name for candidate in candidates) == RANKINGS[placement](key, names)


def test_the_ring_is_the_default() -> None:
    names = ["buildkitd-0", "buildkitd-1", "buildkitd-2"]

    candidates = order("apple", [_daemon(name) for name in names])

    assert [candidate.daemon.name for candidate in candidates] == [
        "buildkitd-0",
        "buildkitd-2",
        "buildkitd-1",
    ]


def test_an_unfit_daemon_keeps_its_place() -> None:
    names = ["buildkitd-0", "buildkitd-1", "buildkitd-2"]

    candidates = order("apple", [_daemon(name, ready=name != "buildkitd-0") for name in names])

    assert candidates[0].daemon.name == "buildkitd-0"
    assert [candidate.fit for candidate in candidates] == [False, True, True]


def test_a_daemon_that_is_not_ready_is_left_out() -> None:
    assert _reason(_daemon("a", ready=False)) == "not ready"


def test_a_terminating_daemon_is_left_out_even_if_it_is_ready() -> None:
    assert _reason(_daemon("a", terminating=True)) == "terminating"


def test_a_daemon_without_the_platform_is_left_out() -> None:
    reason = _reason(_daemon("a", platforms="linux/amd64 linux/386"), "linux/amd64", "linux/arm64")

    assert reason == "no platform linux/arm64 (has linux/amd64, linux/386)"


def test_a_daemon_that_does_not_tell_its_platforms_is_fit() -> None:
    assert _reason(_daemon("a"), "linux/arm64") == ""


def test_platforms_are_compared_by_what_they_mean() -> None:
    assert _reason(_daemon("a", platforms="linux/arm64/v8 linux/arm/v7"), "linux/aarch64", "linux/arm") == ""


def test_a_daemon_s_state_is_the_reason() -> None:
    daemon = replace(_daemon("a", ready=False), state="CrashLoopBackOff")

    assert _reason(daemon) == "CrashLoopBackOff"


@pytest.mark.parametrize(
    ("cordon", "reason"), [("", "cordoned"), ("its disk is slow", "cordoned (its disk is slow)")]
)
def test_a_cordoned_daemon_is_left_out_with_the_reason_given(cordon: str, reason: str) -> None:
    assert _reason(replace(_daemon("a"), cordon=cordon)) == reason


def test_every_reason_is_told() -> None:
    daemon = replace(_daemon("a", ready=False, platforms="linux/amd64"), cordon="")

    (candidate,) = order("key", [daemon], platforms=["linux/arm64"])

    assert [exclusion.kind for exclusion in candidate.exclusions] == ["not-ready", "cordoned", "platform"]
    assert candidate.reason == "not ready, cordoned, no platform linux/arm64 (has linux/amd64)"


def test_a_reason_can_be_added() -> None:
    (candidate,) = order("key", [_daemon("a")])

    busy = candidate.excluding(Exclusion(kind="busy", text="8 builds in flight, its bound is 8"))

    assert (candidate.fit, busy.fit, busy.reason) == (True, False, "8 builds in flight, its bound is 8")


def test_a_member_that_is_not_there_keeps_its_place() -> None:
    names = ["buildkitd-0", "buildkitd-1", "buildkitd-2"]
    missing = replace(_daemon("buildkitd-0", ready=False), present=False, state="missing")

    candidates = order("apple", [missing, *(_daemon(name) for name in names[1:])])

    assert [candidate.daemon.name for candidate in candidates] == [
        "buildkitd-0",
        "buildkitd-2",
        "buildkitd-1",
    ]
    assert candidates[0].exclusions == (Exclusion(kind="missing", text="missing"),)


def _native(name: str, platform: str) -> Daemon:
    return replace(_daemon(name), native=(platform,))


def test_a_platform_goes_to_the_daemons_that_run_on_it() -> None:
    pools = [_native("amd", "linux/amd64"), _native("arm", "linux/arm64"), _daemon("unknown")]

    candidates = order("key", pools, platforms=["linux/arm64"])

    reasons = {candidate.daemon.name: candidate.reason for candidate in candidates}
    assert reasons == {"amd": "runs on linux/amd64; others run on linux/arm64", "arm": "", "unknown": ""}


@pytest.mark.parametrize("platforms", [["linux/riscv64"], ["linux/amd64", "linux/arm64"], []])
def test_a_platform_that_nobody_runs_on_may_be_emulated_by_all(platforms: list[str]) -> None:
    pools = [_native("amd", "linux/amd64"), _native("arm", "linux/arm64")]

    assert all(candidate.fit for candidate in order("key", pools, platforms=platforms))


def test_the_identity_is_what_is_ranked() -> None:
    names = ["buildkitd-0", "buildkitd-1", "buildkitd-2"]
    pods = [replace(_daemon(f"pod-{name[::-1]}"), identity=name) for name in names]

    candidates = order("apple", pods)

    assert [candidate.daemon.identity for candidate in candidates] == [
        "buildkitd-0",
        "buildkitd-2",
        "buildkitd-1",
    ]


def test_a_daemon_without_an_identity_comes_last_and_is_left_out() -> None:
    pods = [replace(_daemon("a"), unplaced="has no label slot"), _daemon("b")]

    candidates = order("key", pods)

    assert [(candidate.daemon.name, candidate.reason) for candidate in candidates] == [
        ("b", ""),
        ("a", "has no label slot"),
    ]


def test_two_daemons_of_one_identity_are_refused_by_name() -> None:
    twins = [replace(_daemon("pod-b"), identity="node-1"), replace(_daemon("pod-a"), identity="node-1")]

    with pytest.raises(FleetError, match='pod-a and pod-b have the same identity "node-1"'):
        order("key", twins)


def test_two_daemons_of_one_name_are_refused_with_both_addresses() -> None:
    twins = [
        Daemon(name="a", address=parse_address("tcp://x:1")),
        Daemon(name="a", address=parse_address("tcp://y:2")),
    ]

    with pytest.raises(FleetError, match=r"two daemons are named a: tcp://x:1 and tcp://y:2"):
        order("key", twins)


def test_a_key_that_is_no_utf_8_has_a_home() -> None:
    assert order("/srv/\udcff", [_daemon("a"), _daemon("b")])


def test_only_the_fit_ones_are_tried_in_their_order() -> None:
    names = ["buildkitd-0", "buildkitd-1", "buildkitd-2"]
    candidates = order("apple", [_daemon(name, ready=name != "buildkitd-2") for name in names])

    fit = require_fit(candidates, _WHERE)

    assert [candidate.daemon.name for candidate in fit] == ["buildkitd-0", "buildkitd-1"]


def test_no_fit_daemon_is_an_error_that_counts_the_reasons() -> None:
    daemons = [_daemon("a", ready=False), _daemon("b", terminating=True), _daemon("c", ready=False)]

    with pytest.raises(NoDaemonError) as caught:
        require_fit(order("key", daemons), _WHERE, "kubectl get pods -n ci -l app=buildkitd")

    assert str(caught.value) == f"no ready {_WHERE} (3 seen: 2 not ready, 1 terminating)"
    assert caught.value.hint == "kubectl get pods -n ci -l app=buildkitd"


def test_ready_daemons_of_the_wrong_platform_are_not_called_unready() -> None:
    daemons = [_daemon("a", platforms="linux/amd64"), _daemon("b", ready=False)]

    with pytest.raises(NoDaemonError) as caught:
        require_fit(order("key", daemons, platforms=["linux/arm64"]), _WHERE)

    assert str(caught.value) == (
        f"no fit {_WHERE} (2 seen: 1 no platform linux/arm64 (has linux/amd64), 1 not ready)"
    )


def test_an_empty_fleet_is_an_error() -> None:
    with pytest.raises(NoDaemonError, match=f"^no {_WHERE}$"):
        require_fit((), _WHERE)
