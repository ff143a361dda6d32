"""Bytes on their way through the endpoint: all of them, in order, and bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.serving.pipes import Budget, OverrunError, Pipe

_MEBIBYTE = 1024 * 1024


def _everything(pipe: Pipe, size: int) -> bytes:
    found = b""
    while (buffers := pipe.pull(size)) is not None:
        found += b"".join(buffers)
    return found


@given(
    st.lists(st.integers(min_value=0, max_value=20_000), max_size=30),
    st.integers(min_value=1, max_value=50_000),
)
def test_what_is_put_in_comes_out_in_order(sizes: list[int], wanted: int) -> None:
    budget = Budget(_MEBIBYTE)
    pipe = Pipe(budget, lambda _held: None)
    arrived = bytes(number % 251 for number in range(sum(sizes)))
    position = 0
    for size in sizes:
        pipe.put(memoryview(arrived)[position : position + size])
        position += size

    assert budget.kept == len(arrived)
    assert _everything(pipe, wanted) == arrived
    assert pipe.empty
    assert budget.kept == 0


def test_the_sender_pauses_while_much_waits() -> None:
    told: list[bool] = []
    pipe = Pipe(Budget(16 * _MEBIBYTE), told.append)

    for _ in range(5):
        pipe.put(memoryview(bytes(_MEBIBYTE)))
    assert told == [True]
    pipe.pull(2 * _MEBIBYTE)
    assert told == [True]
    pipe.pull(_MEBIBYTE)
    assert told == [True, False]


def test_a_small_part_of_what_has_arrived_does_not_keep_the_rest() -> None:
    arrived = bytes(_MEBIBYTE)
    pipe = Pipe(Budget(_MEBIBYTE), lambda _held: None)

    pipe.put(memoryview(arrived)[:5000])
    (kept,) = pipe.pull(5000) or ()

    assert memoryview(kept).nbytes == 5000
    assert memoryview(memoryview(kept).obj).nbytes == 5000


def test_more_than_the_budget_is_refused_and_a_pipe_that_is_closed_gives_it_back() -> None:
    budget = Budget(10_000)
    pipe = Pipe(budget, lambda _held: None)
    pipe.put(memoryview(bytes(9000)))

    with pytest.raises(OverrunError):
        Pipe(budget, lambda _held: None).put(memoryview(bytes(2000)))
    pipe.close()

    assert pipe.pull(1) is None
    assert budget.kept == 2000  # of the one that overran: its connection ends
