"""Whether an endpoint takes builds, for the probes of Kubernetes and other supervisors.

It says nothing about builds or daemons, so anybody can ask. It doesn't check the daemons: taking an endpoint
out of service would not bring them back.
"""

from __future__ import annotations

from collections.abc import Callable

from router.serving.watching.http_server import Page

__all__ = ["HEALTH", "Health", "health_page"]

HEALTH = "/healthz"
"""The path of the check."""


class Health:
    """Answers only that path. ``draining`` says whether the endpoint takes no more builds."""

    def __init__(self, draining: Callable[[], bool]) -> None:
        self._draining = draining

    def answer(self, path: str) -> Page | None:
        """Return the page of a path; None if there is none."""
        return health_page(draining=self._draining()) if path == HEALTH else None


def health_page(*, draining: bool) -> Page:
    """Return the answer."""
    return Page(body=b"shutting down\n", status=503) if draining else Page(body=b"ok\n")
