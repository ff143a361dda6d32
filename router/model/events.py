"""What happens during a build, in the order it is told.

The words are BuildKit's: a build is a graph of vertexes; a vertex has statuses (transfers and the like),
logs and warnings. Times are nanoseconds since the epoch, None where the daemon gave none.
"""

from __future__ import annotations

from typing import Literal

from router.model.address import Address
from router.model.daemon import Place
from router.model.frozen import frozen

__all__ = [
    "Attempt",
    "Event",
    "Notice",
    "NoticeLevel",
    "ProgressGroup",
    "SolveStatus",
    "SourceRange",
    "Vertex",
    "VertexLog",
    "VertexStatus",
    "VertexWarning",
]

NoticeLevel = Literal["verbose", "info", "warning"]


@frozen
class ProgressGroup:
    """Vertexes that are shown as one."""

    id: str
    name: str
    weak: bool = False


@frozen
class Vertex:
    """One step, told again each time that something about it changes."""

    digest: str
    name: str
    inputs: tuple[str, ...] = ()
    cached: bool = False
    started: int | None = None
    completed: int | None = None
    error: str = ""
    progress_group: ProgressGroup | None = None


@frozen
class VertexStatus:
    """Something within a step that has progress: ``current`` of ``total`` (0 where it is not known)."""

    id: str
    vertex: str
    name: str = ""
    current: int = 0
    total: int = 0
    timestamp: int | None = None
    started: int | None = None
    completed: int | None = None


@frozen
class VertexLog:
    """Bytes that a step wrote; ``stream`` is 1 for stdout, 2 for stderr. Not cut at line ends."""

    vertex: str
    data: bytes
    stream: int = 1
    timestamp: int | None = None


@frozen
class SourceRange:
    """Lines of a source file, 1-based, both ends included; characters are 0-based columns."""

    start_line: int
    end_line: int
    start_character: int = 0
    end_character: int = 0


@frozen
class VertexWarning:
    """A warning of the frontend, such as a lint rule's."""

    vertex: str
    short: bytes
    level: int = 1
    detail: tuple[bytes, ...] = ()
    url: str = ""
    source_filename: str = ""
    source_language: str = ""
    source_data: bytes = b""
    ranges: tuple[SourceRange, ...] = ()


@frozen
class SolveStatus:
    """One message of the daemon's Status stream."""

    vertexes: tuple[Vertex, ...] = ()
    statuses: tuple[VertexStatus, ...] = ()
    logs: tuple[VertexLog, ...] = ()
    warnings: tuple[VertexWarning, ...] = ()


@frozen
class Notice:
    """One line of warmroute's own: which daemon was chosen and why, that it goes on to the next.

    ``reason`` is a machine-readable word, or empty. ``progress-lost``: steps, their output and warnings may
    be missing among the events. ``cache-only``: the image will be nowhere but in the daemon's build cache.
    """

    level: NoticeLevel
    text: str
    reason: str = ""


@frozen
class Attempt:
    """A daemon is to get the build. ``reason`` says why it is tried once more, empty for the first time.

    It has the build once there is a ``SolveStatus``. What an earlier attempt had not completed by then was
    lost with it.
    """

    number: int
    daemon: str
    address: Address
    reason: str = ""
    place: Place = Place()


Event = SolveStatus | Notice | Attempt
