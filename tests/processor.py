"""How long something keeps the processor, in seconds of the machine that the limits were set on."""

from __future__ import annotations

import time
from collections.abc import Callable

# What ``_usual_work`` takes there. A limit is 10 to 100 times below what the fault took that it is about.
_USUAL = 0.04
_TRIES = 3


def processor_seconds(action: Callable[[], object], *, enough: float) -> float:
    """Return how long ``action`` keeps the processor, whatever else the machine is busy with.

    It is done again, at most twice, until it took no longer than ``enough``. A processor that is slower, or
    shared with others' caches, is slower with known work too, which is done right after, and allowed for.
    """
    best = float("inf")
    for _ in range(_TRIES):
        best = min(best, _taken(action))
        if best < enough:
            return best
        best = min(best, best * _USUAL / _taken(_usual_work))
    return best


def _taken(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def _usual_work() -> None:
    made: dict[int, tuple[int, str]] = {}
    for number in range(200_000):
        made[number & 1023] = (number, str(number))
