"""The first step of a build that was not in the cache."""

from __future__ import annotations

from typing import Literal

from router.model.frozen import frozen

__all__ = ["Miss", "MissReason"]

MissReason = Literal["first", "changed", "files", "pruned", "unknown"]


@frozen
class Miss:
    """A step that ran although steps are cached, and why: what comes after it ran because of it.

    ``first``: the daemon knows of no earlier build of the key. ``changed``: its instruction is another, an
    argument that it sees, or what it builds upon. ``files``: its files are others, or its result was pruned.
    ``pruned``: it is the same, and its result is no longer there.
    """

    step: str
    reason: MissReason = "unknown"
