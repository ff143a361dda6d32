"""What linked builds wait for, and for how long they are held."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from router.baking.requests import BakeBuild
from router.baking.round import BaseFailedError, Round
from router.errors import CancelledError, ConnectionLostError
from router.model.request import BuildRequest
from router.placement.key import Key
from router.solve.handing import Handed


def _build(name: str, *bases: str) -> BakeBuild:
    links = {f"context of {base}": base for base in bases}
    return BakeBuild(name=name, request=BuildRequest(), key=Key.own(name), links=links)


BASE, OTHER, CHILD = _build("base"), _build("other"), _build("child", "base")


class _Waiting:
    """A build that waits for its contexts in a thread of its own."""

    def __init__(self, tried: Round, build: BakeBuild) -> None:
        self.contexts: Mapping[str, Handed] | None = None
        self.error: Exception | None = None
        self._tried, self._build = tried, build
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.contexts = self._tried.contexts_of(self._build)
        except (BaseFailedError, CancelledError) as exc:
            self.error = exc

    def end(self) -> _Waiting:
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()
        return self


def _round(stopped: list[str] | None = None) -> Round:
    stopped = [] if stopped is None else stopped
    return Round([BASE, OTHER, CHILD], stopped.append)


def test_the_first_waits_for_nobody() -> None:
    assert _round().contexts_of(BASE) == {}


def test_a_build_begins_when_what_it_uses_has_its_steps() -> None:
    tried, result = _round(), Handed(name="base")
    child = _Waiting(tried, CHILD)

    tried.solved("base", result)

    assert child.end().contexts == {"context of base": result}


def test_all_wait_until_the_first_is_let_in_or_has_ended() -> None:
    for let_in in (True, False):
        tried = _round()
        other = _Waiting(tried, OTHER)
        if let_in:
            tried.solved("base", Handed(name="base"))
        else:
            tried.ended("base")
        assert other.end().contexts == {}


def test_what_uses_a_build_that_has_failed_does_not_begin() -> None:
    tried = _round()
    child = _Waiting(tried, CHILD)

    tried.ended("base")

    error = child.end().error
    assert isinstance(error, BaseFailedError)
    assert error.base == "base"


def test_a_fault_of_the_daemon_ends_the_try_for_all() -> None:
    stopped: list[str] = []
    tried = _round(stopped)
    child = _Waiting(tried, CHILD)
    fault = ConnectionLostError("gone")

    tried.broke(fault)
    tried.broke(ConnectionLostError("gone as well"))

    assert isinstance(child.end().error, CancelledError)
    assert tried.fault is fault
    assert stopped[0] == "gone"
    with pytest.raises(CancelledError):
        tried.contexts_of(BASE)


@pytest.mark.parametrize("end", ["evaluated", "ended"])
def test_a_build_is_held_until_those_that_use_it_have_what_they_need(end: str) -> None:
    tried, woken = _round(), threading.Event()
    tried.hold("base", woken.set)
    assert not tried.released("base")
    assert not woken.is_set()

    tried.ended("other")
    assert not tried.released("base")
    if end == "evaluated":
        tried.evaluated("child")
    else:
        tried.ended("child")

    assert tried.released("base")
    assert woken.is_set()


def test_nobody_holds_a_build_that_is_not_used() -> None:
    tried, woken = _round(), threading.Event()

    tried.hold("child", woken.set)

    assert tried.released("child")
    assert woken.is_set()
    assert (tried.is_used("base"), tried.is_used("child")) == (True, False)


def test_a_step_belongs_to_the_build_whose_result_has_it() -> None:
    tried = _round()
    tried.solved("base", Handed(name="base", steps=frozenset(["sha256:1"])))

    assert tried.base_with(CHILD, "sha256:1") == "base"
    assert tried.base_with(CHILD, "sha256:2") == ""
    assert tried.base_with(OTHER, "sha256:1") == ""
