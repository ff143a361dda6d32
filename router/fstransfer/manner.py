"""How the files of a directory are described, if not unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.model.frozen import frozen

if TYPE_CHECKING:
    from router.fstransfer.doubts import Doubts
    from router.fstransfer.times import ContentTimes

__all__ = ["Manner"]


@frozen
class Manner:
    """``doubts`` makes the daemon ask for doubtful files; ``times`` gives entries other times than they have
    on the disk."""

    doubts: Doubts | None = None
    times: ContentTimes | None = None
