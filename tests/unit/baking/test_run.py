"""Targets side by side: how many at once, and what the failure of one does to the others."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from router.baking.outcome import TargetOutcome
from router.baking.requests import BakeBuild
from router.baking.run import BakeOrder, build_targets
from router.build import Beside, BuildRouter
from router.cancellation import Cancellation
from router.config import RouterConfig
from router.errors import BuildError, CancelledError, UsageError
from router.flags.address import parse_addresses
from router.model.address import TcpAddress
from router.model.events import Event, Notice
from router.model.request import BuildRequest
from router.model.result import BuildResult
from router.placement.key import Key

_ADDRESSES = parse_addresses(["a=tcp://127.0.0.1:1", "b=tcp://127.0.0.1:2"])
_ALONE = Beside()
Build = Callable[[str, Cancellation], None]


class _Router(BuildRouter):
    """Builds by a function of the test's."""

    def __init__(self, build: Build, max_builds: int = 0) -> None:
        super().__init__(RouterConfig(addresses=_ADDRESSES, max_builds=max_builds), environment={})
        self._by = build

    def build(self, request: BuildRequest, *, beside: Beside = _ALONE, **given: Any) -> BuildResult:
        key = beside.key
        assert key is not None
        given["on_event"](Notice(level="info", text=request.context))
        self._by(request.context, given["cancellation"])
        return BuildResult(daemon="a", address=TcpAddress(host="127.0.0.1", port=1), ref="r", key=key.key)


class _Listener:
    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.heard: list[str] = []
        self.over: list[str] = []

    def queued(self, targets: Sequence[str], at_once: int) -> None:
        self.waiting = [f"{at_once}", *targets]

    def began(self, target: str) -> None:
        self.heard.append(target)

    def event(self, target: str, event: Event) -> None:
        assert isinstance(event, Notice)
        self.heard.append(f"{target}: {event.text}")

    def ended(self, outcome: TargetOutcome) -> None:
        self.over.append(outcome.name)


def _order(*names: str, parallel: int = 0, keep_going: bool = False) -> BakeOrder:
    targets = tuple(
        BakeBuild(name=name, request=BuildRequest(context=name), key=Key.own(f"key of {name}"), links={})
        for name in names
    )
    return BakeOrder(targets=targets, parallel=parallel, keep_going=keep_going)


def _run(build: Build, order: BakeOrder, max_builds: int = 0) -> tuple[Sequence[TargetOutcome], _Listener]:
    listener = _Listener()
    with Cancellation() as cancellation:
        return build_targets(_Router(build, max_builds), order, listener, cancellation), listener


def _nothing(_name: str, _cancellation: Cancellation) -> None:
    """Succeed at once."""


def test_every_target_is_built_by_its_own_key_and_heard_by_its_name() -> None:
    outcomes, listener = _run(_nothing, _order("one", "two"))

    assert [(each.name, each.result and each.result.key) for each in outcomes] == [
        ("one", "key of one"),
        ("two", "key of two"),
    ]
    assert sorted(listener.heard) == ["one", "one: one", "two", "two: two"]
    assert sorted(listener.over) == ["one", "two"]


@pytest.mark.parametrize(
    ("parallel", "max_builds", "at_once"), [(0, 0, 5), (0, 1, 2), (0, 2, 4), (3, 1, 3), (1, 0, 1)]
)
def test_as_many_are_built_at_once_as_may_be(parallel: int, max_builds: int, at_once: int) -> None:
    # The barrier breaks where fewer are under way at once; the count tells of more.
    barrier, lock, seen = threading.Barrier(at_once), threading.Lock(), [0, 0]
    names = [f"t{number}" for number in range(at_once * (5 // at_once))]

    def build(_name: str, _cancellation: Cancellation) -> None:
        with lock:
            seen[0] += 1
            seen[1] = max(seen)
        barrier.wait(timeout=30)
        with lock:
            seen[0] -= 1

    outcomes, listener = _run(build, _order(*names, parallel=parallel), max_builds)

    assert all(each.result for each in outcomes)
    assert seen[1] == at_once
    assert listener.waiting == ([f"{at_once}", *names[at_once:]] if names[at_once:] else [])


def _fail_or_wait(name: str, cancellation: Cancellation) -> None:
    if name == "bad":
        raise BuildError("broken")
    cancellation.sleep(30)


def test_the_first_failure_cancels_the_others() -> None:
    outcomes, listener = _run(_fail_or_wait, _order("slow", "bad", "queued", parallel=2))

    slow, bad, queued = outcomes
    assert str(bad.error) == "broken"
    assert (slow.result, slow.error, slow.reason) == (None, None, "bad failed")
    assert (queued.reason, queued.seconds) == ("bad failed", 0.0)
    assert "queued" not in listener.heard


def test_with_keep_going_the_others_are_built() -> None:
    def build(name: str, _cancellation: Cancellation) -> None:
        if name.startswith("bad"):
            raise BuildError(f"{name} broken")

    outcomes, _ = _run(build, _order("bad1", "good", "bad2", "last", parallel=1, keep_going=True))

    assert [str(each.error or "") for each in outcomes] == ["bad1 broken", "", "bad2 broken", ""]
    assert all(each.result for each in outcomes if each.error is None)


def test_who_cancels_ends_all_of_them() -> None:
    begun = threading.Barrier(3)

    def build(_name: str, cancellation: Cancellation) -> None:
        begun.wait(timeout=30)
        cancellation.sleep(30)

    with Cancellation() as cancellation:

        def cancel() -> None:
            begun.wait(timeout=30)
            cancellation.cancel("Ctrl-C")

        thread = threading.Thread(target=cancel)
        thread.start()
        with pytest.raises(CancelledError, match="Ctrl-C"):
            build_targets(_Router(build), _order("one", "two"), _Listener(), cancellation)
        thread.join()


def test_a_build_that_somebody_else_has_canceled_has_failed() -> None:
    def build(_name: str, _cancellation: Cancellation) -> None:
        raise CancelledError("canceled by ann", reason="recalled")

    outcomes, _ = _run(build, _order("one"))

    assert isinstance(outcomes[0].error, CancelledError)


def test_what_is_no_error_of_a_build_is_raised_where_the_caller_waits() -> None:
    def build(_name: str, _cancellation: Cancellation) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        _run(build, _order("one", "two"))


def test_a_wrong_target_has_its_error_as_its_outcome() -> None:
    def build(_name: str, _cancellation: Cancellation) -> None:
        raise UsageError("no Dockerfile")

    outcomes, _ = _run(build, _order("one"))

    assert isinstance(outcomes[0].error, UsageError)
