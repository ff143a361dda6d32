"""Trying again, and nothing but: the only importer of tenacity.

The error decides: only what says ``temporary`` is tried again, or what the caller says is worth it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from router.errors import RouterError

__all__ = ["persisting", "retrying"]

_Result = TypeVar("_Result")


def retrying(call: Callable[[], _Result], *, attempts: int = 3, first_wait: float = 0.2) -> _Result:
    """Return what ``call`` returns, trying up to ``attempts`` times, and raise its last error.

    Waits ``first_wait`` seconds after the first failure, twice that after the next, each with some jitter
    so that clients that failed together don't come back together.
    """
    left = attempts

    def again(error: RouterError) -> bool:
        nonlocal left
        left -= 1
        return error.temporary and left > 0

    return persisting(call, again=again, first_wait=first_wait)


def persisting(
    call: Callable[[], _Result],
    *,
    again: Callable[[RouterError], bool],
    first_wait: float,
    longest_wait: float = 60.0,
    sleep: Callable[[float], None] = time.sleep,
) -> _Result:
    """Return what ``call`` returns, trying as long as ``again`` says so of its error; raise the last one.

    Waits as ``retrying`` does, never longer than ``longest_wait`` seconds and the jitter. What ``sleep``
    raises ends it.
    """
    try:
        return call()
    except RouterError as exc:
        if not again(exc):
            raise
        failed = [exc]
    # Only now: the import takes longer than a listing.
    from tenacity import Retrying, retry_if_exception, wait_exponential, wait_random

    def once_more() -> _Result:
        if failed:
            raise failed.pop()
        return call()

    first = [True]  # of what has failed already ``again`` has been asked

    def worth_it(error: BaseException) -> bool:
        return isinstance(error, RouterError) and (bool(first and first.pop()) or again(error))

    return Retrying(
        wait=wait_exponential(multiplier=first_wait, max=longest_wait) + wait_random(0, first_wait),
        retry=retry_if_exception(worth_it),
        sleep=sleep,
        reraise=True,
    )(once_more)
