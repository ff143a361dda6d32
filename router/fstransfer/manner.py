"""How the files of a directory are described where that isn't as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.model.frozen import frozen

if TYPE_CHECKING:
    from router.fstransfer.doubts import Doubts
    from router.fstransfer.times import ContentTimes

__all__ = ["Manner"]


@frozen
class Manner:
    """The daemon is made to ask for files in ``doubts``; with ``times`` entries have other times than on the
    disk."""

    doubts: Doubts | None = None
    times: ContentTimes | None = None
