"""What counts as warm, and percentiles."""

from __future__ import annotations

import pytest

from router.operations.measures import is_warm, percentile


def test_percentiles_are_values_that_were_there() -> None:
    values = [float(number) for number in range(1, 101)]

    assert (percentile(values, 50), percentile(values, 95), percentile([], 50)) == (50.0, 95.0, None)


@pytest.mark.parametrize(
    ("cached", "total", "warmest", "warm"),
    [(0, 0, 0, False), (1, 2, 1, True), (4, 10, 9, False), (5, 10, 9, True), (2, 20, 2, False)],
)
def test_a_warm_build_has_much_of_the_warmest_and_some_of_all(
    cached: int, total: int, warmest: int, warm: bool
) -> None:
    assert is_warm(cached, total, warmest=warmest) == warm
