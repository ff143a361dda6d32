"""Requests that ask the frontend instead of building."""

from __future__ import annotations

from router.errors import UsageError
from router.model.frozen import replace
from router.model.request import BuildRequest

__all__ = ["question"]


def question(request: BuildRequest) -> BuildRequest:
    """Return the request without what is done with an image, since none is made.

    The daemon would push an empty one under the image's name.
    Raises ``UsageError`` where there is no frontend that could be asked.
    """
    if request.definition is not None:
        raise UsageError(
            f"LLB has no frontend that could be asked for {request.call}",
            hint="leave out --call, or give a Dockerfile instead of LLB",
        )
    return replace(request, outputs=(), push=False, load=False, cache_to=())
