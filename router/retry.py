"""Trying again, and nothing but: the only importer of tenacity.

The error decides: only what says ``temporary`` is tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from router.errors import RouterError

__all__ = ["retrying"]

_Result = TypeVar("_Result")


def retrying(call: Callable[[], _Result], *, attempts: int = 3, first_wait: float = 0.2) -> _Result:
    """Return what ``call`` returns, trying up to ``attempts`` times, and raise its last error.

    Waits ``first_wait`` seconds after the first failure, twice that after the next, each with some jitter
    so that clients that failed together don't come back together.
    """
    try:
        return call()
    except RouterError as exc:
        if attempts < 2 or not exc.temporary:
            raise
        failed = [exc]
    # Only now: the import takes longer than a listing.
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

    def again() -> _Result:
        if failed:
            raise failed.pop()
        return call()

    return Retrying(
        stop=stop_after_attempt(attempts),
        wait=wait_exponential(multiplier=first_wait) + wait_random(0, first_wait),
        retry=retry_if_exception(lambda exc: isinstance(exc, RouterError) and exc.temporary),
        reraise=True,
    )(again)
