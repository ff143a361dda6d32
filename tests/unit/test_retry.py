"""Trying again: when, and when not."""

from __future__ import annotations

import pytest

from router.errors import FleetError
from router.retry import retrying


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
