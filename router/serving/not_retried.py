"""The error of a build whose daemon was lost and that can't be retried."""

from __future__ import annotations

from router.errors import RouterError

__all__ = ["NotRetriedError"]


class NotRetriedError(RouterError):
    """A lost build, and why it was not retried. Not an UnreachableError: no other daemon is to be tried."""

    exit_code = 69
    default_reason = "not-retried"

    def __init__(self, lost: RouterError, why: str) -> None:
        super().__init__(f"{lost}; the build was not retried: {why}", hint="run the build again")
