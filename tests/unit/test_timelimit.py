"""A limit on a build's time: what it says, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from router.address import parse_address
from router.cancellation import TIME_IS_UP, Cancellation
from router.errors import CancelledError, TimeLimitError
from router.model.events import Attempt, Event, SolveStatus, Vertex
from router.timelimit import TimeLimit


def step(name: str, *, completed: int | None = None) -> SolveStatus:
    return SolveStatus(vertexes=(Vertex(digest=name, name=name, started=1, completed=completed),))


def attempt(daemon: str) -> Attempt:
    return Attempt(number=1, daemon=daemon, address=parse_address("tcp://a.test:1234"))


def error_after(*events: Event) -> TimeLimitError:
    """Return the error of a build that has told this by the time its limit has passed."""
    with pytest.raises(TimeLimitError) as caught, Cancellation() as outer, TimeLimit(0.05, outer) as limit:
        _wait(limit, events)
    return caught.value


def _wait(limit: TimeLimit, events: Sequence[Event]) -> None:
    for event in events:
        limit.event(event)
    limit.cancellation.sleep(60)


def test_the_steps_that_were_running_are_named_with_their_daemon() -> None:
    error = error_after(attempt("a"), step("RUN true"), step("RUN sleep"), step("RUN true", completed=2))

    assert str(error) == "the build did not end within 0.05 s: running on a: RUN sleep (for 0 s)"
    assert error.exit_code == 124
    assert error.hint


def test_steps_of_an_attempt_that_was_lost_run_no_more() -> None:
    error = error_after(attempt("a"), step("RUN sleep"), attempt("b"))

    assert "no step was running on b" in str(error)


def test_a_build_that_no_daemon_has_taken_is_called_that() -> None:
    assert "no daemon had taken it" in str(error_after())


def test_of_thousands_of_steps_the_first_are_named_and_the_others_counted() -> None:
    error = error_after(attempt("a"), *(step(f"RUN {number} " + "x" * 1000) for number in range(3000)))

    assert str(error).endswith("and 2995 more")
    assert "RUN 4 " in str(error)
    assert len(str(error)) < 1500


def test_a_limit_of_weeks_is_none_of_a_moment() -> None:
    with Cancellation() as outer, TimeLimit(1e8, outer) as limit:
        outer.cancel("got SIGINT")
        with pytest.raises(CancelledError, match="got SIGINT"):
            limit.cancellation.sleep(60)


def test_who_else_sees_to_the_limit_gets_the_same_error() -> None:
    with Cancellation() as outer:
        outer.cancel(TIME_IS_UP)
        with pytest.raises(TimeLimitError, match="running on a: RUN sleep"), TimeLimit(60, outer) as limit:
            _wait(limit, [attempt("a"), step("RUN sleep")])


def test_an_interruption_from_outside_stays_one() -> None:
    with Cancellation() as outer:
        outer.cancel("got SIGINT")
        with pytest.raises(CancelledError, match="got SIGINT"), TimeLimit(60, outer) as limit:
            limit.cancellation.sleep(60)


def test_what_ends_in_time_is_left_alone() -> None:
    with Cancellation() as outer, TimeLimit(60, outer) as limit:
        limit.cancellation.check()
    assert not outer.cancelled
