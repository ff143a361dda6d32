"""Trying again, and nothing but: the only importer of tenacity.

The error decides: only what says ``temporary`` is tried again, or what the caller says is worth it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

from router.errors import RouterError
from router.model.frozen import frozen

if TYPE_CHECKING:
    from tenacity import RetryCallState
    from tenacity.wait import wait_base

__all__ = ["Pauses", "pausing", "persisting", "retrying"]

_Result = TypeVar("_Result")


@frozen
class Pauses:
    """``first`` seconds after the first attempt, then twice as long each time, but never longer than
    ``longest``; each with some jitter, so that clients that failed together don't come back together.

    What ``sleep`` raises ends it.
    """

    first: float
    longest: float = 60.0
    sleep: Callable[[float], None] = time.sleep


def retrying(call: Callable[[], _Result], *, attempts: int = 3, first_wait: float = 0.2) -> _Result:
    """Return what ``call`` returns, trying up to ``attempts`` times, and raise its last error."""

    def again(error: RouterError, attempt: int) -> bool:
        return error.temporary and attempt < attempts

    return persisting(call, again=again, pauses=Pauses(first=first_wait))


def persisting(
    call: Callable[[], _Result],
    *,
    again: Callable[[RouterError, int], bool],
    pauses: Pauses,
    before_pause: Callable[[RouterError], None] = lambda _error: None,
) -> _Result:
    """Return what ``call`` returns, trying as long as ``again`` says so; raise the last error.

    ``again`` gets an error and the number of the attempt that it ended, from 1. It must change nothing: it
    may be asked twice. ``before_pause`` hears of an error that is worth another attempt.

    The first attempt is made without tenacity, whose import takes 22 ms, a fifth of a cached build: hardly
    any call is made twice. Where one is, tenacity gets the first error as its own first attempt, so that
    numbers and pauses count from there.
    """
    try:
        return call()
    except RouterError as exc:
        if not again(exc, 1):
            raise
        first_error = exc
    from tenacity import Retrying

    failed = [first_error]

    def attempt() -> _Result:
        if failed:
            raise failed.pop()
        return call()

    def worth_it(state: RetryCallState) -> bool:
        error = _error(state)
        return isinstance(error, RouterError) and again(error, state.attempt_number)

    def tell(state: RetryCallState) -> None:
        error = _error(state)
        if isinstance(error, RouterError):
            before_pause(error)

    return Retrying(
        retry=worth_it, wait=_growing(pauses), sleep=pauses.sleep, before_sleep=tell, reraise=True
    )(attempt)


def pausing(pauses: Pauses) -> Iterator[None]:
    """Pause each time the next is asked for, without end: for what is repeated and is no call."""
    from tenacity import Retrying
    from tenacity.retry import retry_always

    for attempt in Retrying(retry=retry_always, wait=_growing(pauses), sleep=pauses.sleep):
        if attempt.retry_state.attempt_number > 1:
            yield
        with attempt:
            pass  # nothing failed; the next is wanted all the same


def _growing(pauses: Pauses) -> wait_base:
    from tenacity import wait_exponential, wait_random

    return wait_exponential(multiplier=pauses.first, max=pauses.longest) + wait_random(0, pauses.first)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
