"""The first step of a build that was not in the cache."""

from __future__ import annotations

from typing import Literal

from router.model.frozen import frozen

__all__ = ["Miss", "MissReason"]

MissReason = Literal["first", "differs", "files", "pruned", "unknown"]


@frozen
class Miss:
    """A step that ran although steps are cached, and why: what comes after it ran because of it.

    ``first``: the daemon knows of no earlier build of the key. ``differs``: the latest build there had no
    such step, because the step, an argument that it sees, or what it builds upon is another. ``files``: its
    files are others, or its result was pruned. ``pruned``: it is the same, and its result is gone.

    ``moved_from``: with ``first``, the daemon that was the key's home before the ``fleet`` grew or shrank, as
    far as the daemons' histories tell; else both are empty.
    """

    step: str
    reason: MissReason = "unknown"
    moved_from: str = ""
    fleet: Literal["", "grew", "shrank"] = ""
