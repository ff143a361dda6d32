"""What is told of a build's attempts."""

from __future__ import annotations

from router.account import Account
from router.errors import BusyError, ConnectionLostError, DialError, UnreachableError
from router.model.address import TcpAddress
from router.model.daemon import Candidate, Daemon
from router.model.events import Event, SolveStatus, Vertex
from router.model.mark import BuildMark
from router.model.request import BuildRequest
from router.model.result import BuildResult

A, B = (Daemon(name=name, address=TcpAddress(host=name)) for name in "ab")


def account() -> Account:
    events: list[Event] = []
    told = Account(BuildRequest(), events.append)
    told.listed((Candidate(daemon=A), Candidate(daemon=B)))
    return told


def ran(digest: str, *, cached: bool) -> SolveStatus:
    return SolveStatus(
        vertexes=(Vertex(digest=digest, name="run", inputs=("0",), started=1, completed=2, cached=cached),)
    )


def test_the_steps_of_an_attempt_that_was_lost_are_not_the_results() -> None:
    told = account()
    told.begins(A)
    told.saw(ran("1", cached=False))
    told.lost(A, ConnectionLostError("lost a", temporary=True))
    told.begins(B)
    told.saw(ran("2", cached=True))

    result = told.built(BuildResult(daemon="b", address=B.address, ref="r"))

    assert (result.cached, result.steps) == (1, 1)


def test_a_home_that_lost_the_build_is_the_reason_also_when_it_is_gone_afterwards() -> None:
    told = account()
    told.begins(A)
    told.lost(A, ConnectionLostError("lost a", temporary=True))
    told.begins(A)
    told.unreached(A, DialError("a refused", temporary=True))
    told.begins(B)

    result = told.placed(BuildResult(daemon="b", address=B.address, ref="r"))

    assert (result.place.home, result.place.reason) == ("a", "lost the build")


def test_why_a_home_has_no_build_is_the_latest_but_for_a_loss() -> None:
    told = account()
    told.begins(A)
    told.busy(A, BusyError("a is full", builds=4))
    told.unreached(A, DialError("a refused", temporary=True))
    told.begins(B)
    gone = told.placed(BuildResult(daemon="b", address=B.address, ref="r"))
    told.lost(A, ConnectionLostError("lost a", temporary=True))
    told.busy(A, BusyError("a is full", builds=4))
    told.begins(B)
    lost = told.placed(BuildResult(daemon="b", address=B.address, ref="r"))

    assert (gone.place.reason, lost.place.reason) == ("unreachable", "lost the build")


def test_the_hint_is_that_of_the_loss_and_not_of_who_was_tried_in_vain_afterwards() -> None:
    told = account()
    told.lost(A, ConnectionLostError("lost a", hint="look at a", temporary=True))
    told.unreached(A, DialError("a refused", hint="is the port right?", temporary=True))

    error = told.sum_of(UnreachableError("none"))

    assert str(error) == "the build was lost once, and no other daemon can be reached:\n  lost a\n  a refused"
    assert error.hint == "look at a"


def test_a_build_is_marked_with_the_place_of_its_daemon_and_the_number_of_the_attempt() -> None:
    told = account()
    mark = BuildMark(key="app", rule="key", by="ann@host")
    told.begins(A)
    assert told.mark(mark) == BuildMark(key="app", rule="key", place=1, attempt=1, fleet=2, by="ann@host")

    told.lost(A, ConnectionLostError("lost a", temporary=True))
    told.begins(B)

    assert told.mark(mark) == BuildMark(key="app", rule="key", place=2, attempt=2, fleet=2, by="ann@host")
    outside = told.mark(BuildMark(key="app", place=0))
    assert outside is not None
    assert outside.place == 0
    assert told.mark(None) is None
