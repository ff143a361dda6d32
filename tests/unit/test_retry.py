"""Trying again: when, and when not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from router.errors import CancelledError, FleetError, RouterError
from router.retry import Pauses, pausing, persisting, retrying

AT_ONCE = Pauses(first=0)


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
    asked: list[tuple[str, int]] = []

    def again(error: RouterError, attempt: int) -> bool:
        asked.append((str(error), attempt))
        return True

    assert persisting(call, again=again, pauses=AT_ONCE) == 4
    # The first one twice: tenacity is loaded only where there is something for it to do.
    assert list(dict.fromkeys(asked)) == [("failure 1", 1), ("failure 2", 2), ("failure 3", 3)]


def test_an_error_that_is_not_worth_it_is_the_last() -> None:
    call = Flaky(9)
    with pytest.raises(FleetError, match="failure 2"):
        persisting(call, again=lambda error, _: str(error) == "failure 1", pauses=AT_ONCE)
    assert call.calls == 2


def test_each_error_that_is_worth_it_is_told_before_its_pause() -> None:
    told: list[str] = []
    pauses = Pauses(first=1.0, sleep=lambda _: told.append("slept"))

    persisting(
        Flaky(2), again=lambda *_: True, pauses=pauses, before_pause=lambda error: told.append(str(error))
    )

    assert told == ["failure 1", "slept", "failure 2", "slept"]


def test_waits_grow_up_to_the_longest() -> None:
    slept: list[float] = []

    persisting(Flaky(5), again=lambda *_: True, pauses=Pauses(first=1.0, longest=3.0, sleep=slept.append))

    for waited, least in zip(slept, (1, 2, 3, 3, 3), strict=True):
        assert least <= waited < least + 1


def test_what_is_no_call_is_repeated_with_the_same_pauses() -> None:
    slept: list[float] = []
    pauses = pausing(Pauses(first=1.0, longest=3.0, sleep=slept.append))

    for number, least in enumerate((1, 2, 3, 3)):
        next(pauses)
        assert len(slept) == number + 1
        assert least <= slept[-1] < least + 1


def test_an_interrupted_wait_ends_it() -> None:
    def interrupted(_seconds: float) -> None:
        raise CancelledError("interrupted")

    call = Flaky(5)
    with pytest.raises(CancelledError):
        persisting(call, again=lambda *_: True, pauses=Pauses(first=0, sleep=interrupted))
    assert call.calls == 1


def test_a_failure_that_is_not_worth_it_loads_nothing() -> None:
    script = (
        "import sys\n"
        "from router.errors import BuildError\n"
        "from router.retry import retrying\n"
        "def call(): raise BuildError('failed')\n"
        "try: retrying(call)\n"
        "except BuildError: sys.exit('tenacity' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
