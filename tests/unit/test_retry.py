"""Trying again: when, and when not."""

from __future__ import annotations

import pytest

from router.errors import CancelledError, FleetError, RouterError
from router.retry import persisting, retrying


class Flaky:
    """Fails as often as it is told, then returns how often it was called."""

    def __init__(self, failures: int, *, temporary: bool = True) -> None:
        self.calls = 0
        self._failures = failures
        self._temporary = temporary

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._failures:
            raise FleetError(f"failure {self.calls}", temporary=self._temporary)
        return self.calls


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_temporary_error_is_tried_again(failures: int) -> None:
    assert retrying(Flaky(failures), attempts=3, first_wait=0) == failures + 1


def test_the_last_error_is_raised_when_the_attempts_are_used_up() -> None:
    call = Flaky(9)
    with pytest.raises(FleetError, match="failure 3"):
        retrying(call, attempts=3, first_wait=0)
    assert call.calls == 3


def test_an_error_that_is_not_temporary_is_raised_at_once() -> None:
    call = Flaky(1, temporary=False)
    with pytest.raises(FleetError):
        retrying(call, attempts=3, first_wait=0)
    assert call.calls == 1


def test_an_error_of_another_kind_is_none_of_its_business() -> None:
    def broken() -> None:
        raise KeyError

    with pytest.raises(KeyError):
        retrying(broken, first_wait=0)


def test_who_knows_better_decides_what_is_worth_another_attempt() -> None:
    call = Flaky(3, temporary=False)
    asked: list[str] = []

    def again(error: RouterError) -> bool:
        asked.append(str(error))
        return True

    assert persisting(call, again=again, first_wait=0) == 4
    assert asked == ["failure 1", "failure 2", "failure 3"]


def test_an_error_that_is_not_worth_it_is_the_last() -> None:
    call = Flaky(9)
    with pytest.raises(FleetError, match="failure 2"):
        persisting(call, again=lambda error: str(error) == "failure 1", first_wait=0)
    assert call.calls == 2


def test_waits_grow_up_to_the_longest() -> None:
    slept: list[float] = []

    persisting(Flaky(5), again=lambda _: True, first_wait=1.0, longest_wait=3.0, sleep=slept.append)

    for waited, least in zip(slept, (1, 2, 3, 3, 3), strict=True):
        assert least <= waited < least + 1


def test_an_interrupted_wait_ends_it() -> None:
    def interrupted(_seconds: float) -> None:
        raise CancelledError("interrupted")

    call = Flaky(5)
    with pytest.raises(CancelledError):
        persisting(call, again=lambda _: True, first_wait=0, sleep=interrupted)
    assert call.calls == 1
