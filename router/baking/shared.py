"""Which directories the targets of a definition have in common."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator

from router.backends.sharing import Shares
from router.baking.requests import BakeBuild, is_remote
from router.flags.build_context import context_kind
from router.model.request import BuildRequest

__all__ = ["shared_directories"]


def shared_directories(builds: Iterable[BakeBuild]) -> Shares:
    """Return the directories that several builds read, by the daemon's names for them."""
    counts = Counter(share for build in builds for share in set(_read(build.request)))
    return frozenset(share for share, count in counts.items() if count > 1)


def _read(request: BuildRequest) -> Iterator[tuple[str, str]]:
    if not is_remote(request.context):
        yield "context", os.path.realpath(request.context)
        if request.dockerfile is not None:
            yield "dockerfile", os.path.realpath(os.path.dirname(request.dockerfile))
    for name, value in request.build_contexts.items():
        if context_kind(value) == "directory":
            # Names that the frontend has for itself are other names at the daemon; those are not shared.
            yield name, os.path.realpath(value)
