"""The record of an endpoint's builds: what it shows of them, and that it stays small."""

from __future__ import annotations

import pytest

from router.errors import BuildError, CancelledError, ConnectionLostError, NoDaemonError, RouterError
from router.model.address import TcpAddress
from router.model.daemon import Place
from router.model.events import Attempt, Notice
from router.placement.key import Key
from router.serving.not_retried import NotRetriedError
from router.serving.watching.board import Board
from router.serving.watching.watched import warm_builds


class _Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def board(clock: _Clock) -> Board:
    return Board(clock, epoch=1000.0)


def _begin(board: Board, ref: str, key: str = "app", daemon: str = "ash", place: Place | None = None) -> None:
    board.begins(ref, Key(key=key, rule="tag"), "me")
    place = place or Place(number=1, home=daemon)
    board.heard(ref, Attempt(number=1, daemon=daemon, address=TcpAddress(host="x"), place=place))
    board.placed(ref, daemon)


def test_a_build_waits_until_a_daemon_has_it(board: Board, clock: _Clock) -> None:
    board.begins("r", Key(key="app", rule="tag"), "me")
    board.heard("r", Notice(level="warning", text="ash is full; waiting"))
    (waiting,) = board.picture().in_flight
    clock.now = 3.0
    board.placed("r", "ash")
    (building,) = board.picture().in_flight

    assert (waiting.state, waiting.note, waiting.begun) == ("waiting", "ash is full; waiting", 1000.0)
    assert (building.state, building.daemon, building.waited) == ("building", "ash", 3.0)


def test_a_build_that_is_over_is_counted_once_with_its_seconds(board: Board, clock: _Clock) -> None:
    _begin(board, "r")
    clock.now = 7.0
    board.ended("r", None)
    board.ended("r", None)
    picture = board.picture()

    assert [each.seconds for each in picture.ended] == [7.0]
    assert picture.counts.results == {"completed": 1}
    assert (picture.counts.seconds, sum(picture.counts.buckets)) == (7.0, 1)


def test_a_build_that_is_begun_again_waits_anew_and_is_one_build(board: Board, clock: _Clock) -> None:
    _begin(board, "r")
    clock.now = 5.0
    board.progress("r", 3, 4, "RUN make")
    again = Place(number=2, home="ash", reason="lost the build")
    board.heard("r", Attempt(number=2, daemon="oak", address=TcpAddress(host="x"), place=again))
    (waiting,) = board.picture().in_flight
    board.placed("r", "oak")
    (building,) = board.picture().in_flight
    board.ended("r", None)
    picture = board.picture()

    assert (waiting.state, waiting.attempt, waiting.step, waiting.done) == ("waiting", 2, "", None)
    assert (building.state, building.daemon, building.waited) == ("building", "oak", 0.0)
    assert [(each.state, each.attempt) for each in picture.ended] == [("completed", 2)]
    assert (picture.counts.retries, picture.counts.failovers) == (1, 1)


@pytest.mark.parametrize(
    ("error", "placed", "state"),
    [
        (None, True, "completed"),
        (BuildError("exit 1"), True, "failed"),
        (CancelledError("gone"), True, "canceled"),
        (ConnectionLostError("broke"), True, "lost"),
        (NotRetriedError(ConnectionLostError("broke"), "it was sent"), True, "lost"),
        (NoDaemonError("none"), False, "unplaced"),
        (CancelledError("gone"), False, "canceled"),
    ],
)
def test_what_came_of_a_build_is_told_by_its_error(
    board: Board, error: RouterError | None, placed: bool, state: str
) -> None:
    board.begins("r", Key(key="app", rule="tag"), "me")
    if placed:
        board.placed("r", "ash")

    board.ended("r", error)

    assert board.picture().ended[0].state == state


@pytest.mark.parametrize(
    ("reason", "counted"),
    [("busy", "spills"), ("cold", "spills"), ("unreachable", "failovers"), ("cordoned (disk)", "unfit")],
)
def test_a_build_away_from_home_is_counted_by_its_reason(board: Board, reason: str, counted: str) -> None:
    _begin(board, "r", place=Place(number=2, home="birch", reason=reason))
    board.ended("r", None)
    counts = board.picture().counts

    assert {name: getattr(counts, name) for name in ("spills", "failovers", "unfit")} == {
        "spills": 0,
        "failovers": 0,
        "unfit": 0,
        counted: 1,
    }


def test_builds_that_are_not_followed_are_not_recorded(board: Board) -> None:
    board.placed("probe", "ash")
    board.heard("probe", Notice(level="warning", text="x"))
    board.ended("probe", None)

    assert board.picture().ended == ()
    assert board.picture().counts.results == {}


def test_the_record_stays_small(board: Board) -> None:
    for number in range(6000):
        _begin(board, f"r{number}", key="k" * 100_000)
    in_flight = board.picture().in_flight
    for number in range(6000):
        board.ended(f"r{number}", None)
    picture = board.picture()

    assert len(in_flight) == 5000
    assert max(len(build.key) for build in in_flight) <= 500
    assert (len(picture.ended), picture.in_flight) == (100, ())
    assert len(board.unsettled("ash")) == 1000


def test_the_latest_build_comes_first(board: Board) -> None:
    for ref in ("a", "b"):
        _begin(board, ref)
        board.ended(ref, None)

    assert [build.ref for build in board.picture().ended] == ["b", "a"]


def test_a_build_is_asked_about_some_times_and_then_given_up(board: Board) -> None:
    _begin(board, "r")
    board.ended("r", None)

    assert [board.unsettled("ash") for _ in range(6)] == [("r",)] * 5 + [()]
    assert board.unsettled("birch") == ()


def test_builds_that_failed_are_not_asked_about(board: Board) -> None:
    _begin(board, "r")
    board.ended("r", BuildError("exit 1"))

    assert board.unsettled("ash") == ()


def test_what_a_daemon_tells_of_a_build_is_shown_and_counted(board: Board) -> None:
    _begin(board, "r")
    board.progress("r", 2, 9, "RUN make")
    (running,) = board.picture().in_flight
    board.ended("r", None)
    board.settle("r", 3, 9)
    board.missed("r", "COPY . .")
    (ended,) = board.picture().ended

    assert (running.done, running.total, running.step) == (2, 9, "RUN make")
    assert (ended.cached, ended.total, ended.step, ended.missed) == (3, 9, "", "COPY . .")
    assert (board.picture().counts.cached, board.picture().counts.steps) == (3, 9)


def test_the_first_build_of_a_key_on_a_daemon_is_known_as_such(board: Board) -> None:
    for ref, daemon in [("a", "ash"), ("b", "ash"), ("c", "birch")]:
        _begin(board, ref, daemon=daemon)
        board.ended(ref, None)

    assert {build.ref: build.first for build in board.picture().ended} == {"a": True, "b": False, "c": True}


def test_a_build_is_warm_beside_the_warmest_of_its_key(board: Board) -> None:
    for ref, cached, total in [("cold", 0, 9), ("little", 1, 9), ("warm", 5, 9), ("warmer", 6, 9)]:
        _begin(board, ref)
        board.ended(ref, None)
        board.settle(ref, cached, total)
    ended = board.picture().ended
    warm = warm_builds(ended)

    assert [build.ref for build in ended if build.number in warm] == ["warmer", "warm"]
    assert set(board.cold(["cold", "little", "warm", "unknown"])) == {"cold", "little"}


def test_a_ref_that_is_used_twice_is_two_builds(board: Board) -> None:
    for _ in range(2):
        _begin(board, "r")
        board.ended("r", None)

    assert len({build.number for build in board.picture().ended}) == 2


def test_passwords_in_addresses_are_not_shown(board: Board) -> None:
    _begin(board, "r", key="https://me:hunter2@git.test/app")
    board.progress("r", 0, 1, "git https://me:hunter2@git.test/app")
    board.ended("r", BuildError("can't fetch https://me:hunter2@git.test/app"))

    assert "hunter2" not in repr(board.picture())
