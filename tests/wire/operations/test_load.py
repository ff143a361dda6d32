"""What is concluded from a daemon's build history, whatever order its streams come in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import router.operations.drain
import router.operations.load
from router._proto import control_pb2 as pb
from router.backends.turn import Turn
from router.errors import BusyError
from router.operations.drain import drain
from router.operations.load import LoadWatch
from router.rpc import RpcCall
from router.rpc.channel import Channel
from router.solve.control import Control
from router.transport import dial
from router.transport.options import DialOptions
from tests.wire.operations.history_server import HistoryServer, event

_OPTIONS = DialOptions(timeout=10.0)
_NONE: tuple[tuple[str, int], ...] = ()


@pytest.fixture(autouse=True)
def soon_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router.operations.drain, "_SETTLED", 0.1)


def test_a_build_counts_though_the_stream_that_follows_has_not_told_it_yet() -> None:
    with HistoryServer([("r", 1)]) as server, LoadWatch(server.daemon, _OPTIONS) as watch:
        assert watch.builds == 1


def test_a_build_that_is_listed_a_moment_late_is_found() -> None:
    with HistoryServer(_NONE, [("r", 1)]) as server:
        assert drain(server.daemon, _OPTIONS) == 1
        assert server.asked == 2


def test_an_idle_daemon_is_asked_twice_before_it_is_called_so() -> None:
    with HistoryServer(_NONE) as server:
        assert drain(server.daemon, _OPTIONS) == 0
        assert server.asked == 2


def test_an_end_that_is_told_before_its_beginning_leaves_no_build_behind() -> None:
    crossed = (event(pb.COMPLETE, "r"), event(pb.STARTED, "r"))
    with HistoryServer([("r", 1)], _NONE, followed=crossed) as server:
        assert drain(server.daemon, _OPTIONS, wait=20.0) == 0


def test_an_end_that_nobody_is_told_is_found_by_asking_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router.operations.load, "_LOOK_AGAIN", 0.05)
    with HistoryServer([("r", 1)], [("r", 1)], _NONE) as server:
        assert drain(server.daemon, _OPTIONS, wait=20.0) == 0


@contextmanager
def solving(server: HistoryServer, *, bound: int) -> Iterator[tuple[Turn, RpcCall]]:
    """Have been told that there is room, and begun to solve ``ours``."""
    with Channel(dial(server.daemon.address, _OPTIONS), peer="a") as channel:
        turn = Turn(channel, daemon="a", bound=bound, ref="ours")
        turn.ask(float("inf"))
        yield turn, Control(channel).solve(b"", lambda _: None)


def test_a_build_behind_the_bound_is_taken_back_though_the_others_were_not_announced_to_it() -> None:
    line = [("ours", 7), ("second", 6), ("later", 9), ("first", 5)]
    told = [event(pb.STARTED, "ours", 7), event(pb.COMPLETE, "ours")]
    with (
        HistoryServer(_NONE, line, followed=told) as server,
        solving(server, bound=2) as (turn, solve),
    ):
        with pytest.raises(BusyError) as raised:
            turn.take(solve)

        assert raised.value.builds == 2
        assert server.forgotten == ["ours"]
        assert server.cancelled.wait(10)


def test_a_build_within_the_bound_stays_in_whatever_order_builds_are_announced() -> None:
    line = [("later", 9), ("latest", 10), ("ours", 7), ("first", 5)]
    told = [event(pb.STARTED, ref, created) for ref, created in line]
    with (
        HistoryServer(_NONE, line, followed=told) as server,
        solving(server, bound=2) as (turn, solve),
    ):
        turn.take(solve)

        assert not solve.done
        assert server.forgotten == []
