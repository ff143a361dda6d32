"""A build as its daemon's history tells it, while it runs and afterwards: BuildKit's BuildHistoryRecord.

Times are nanoseconds since the epoch by the daemon's clock, None where it gave none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from router.model.frozen import field, frozen
from router.model.mark import BuildMark

__all__ = ["Blob", "BuildRecord", "BuildStatus", "RecordedError", "RecordedExporter"]

BuildStatus = Literal["running", "completed", "error", "canceled"]

# google.rpc.Code
_CANCELLED = 1


@frozen
class Blob:
    """What names a blob in the daemon's content store: BuildKit's Descriptor."""

    media_type: str
    digest: str
    size: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict)


@frozen
class RecordedExporter:
    """An output of the build: its type, ``image`` or ``local``, and its options, ``name`` among them."""

    type: str
    attrs: Mapping[str, str] = field(default_factory=dict)


@frozen
class RecordedError:
    """Why a build failed: gRPC's code and the daemon's message."""

    code: int
    message: str


@frozen
class BuildRecord:
    """One build of a daemon's history.

    ``attrs`` are the frontend's options as the client sent them. ``response`` is the result's metadata, as
    far as the daemon recorded it. ``logs``, ``trace`` and ``error_details`` (a packed google.rpc.Status) name
    blobs of the daemon's content store; ``attestations`` and ``results`` do so by platform, which is empty
    for a build for one platform, the results by the exporter's number too. ``mark`` is None where the build
    is not warmroute's.
    """

    ref: str
    frontend: str = ""
    attrs: Mapping[str, str] = field(default_factory=dict)
    exporters: tuple[RecordedExporter, ...] = ()
    created: int | None = None
    completed: int | None = None
    error: RecordedError | None = None
    cached_steps: int = 0
    completed_steps: int = 0
    total_steps: int = 0
    warnings: int = 0
    pinned: bool = False
    response: Mapping[str, str] = field(default_factory=dict)
    logs: Blob | None = None
    trace: Blob | None = None
    error_details: Blob | None = None
    attestations: Mapping[str, tuple[Blob, ...]] = field(default_factory=dict)
    results: Mapping[str, Mapping[int, Blob]] = field(default_factory=dict)
    mark: BuildMark | None = None

    @property
    def status(self) -> BuildStatus:
        """What has become of it, in the words of buildx's filters."""
        if self.completed is None:
            return "running"
        if self.error is None:
            return "completed"
        stopped = self.error.code == _CANCELLED or "context canceled" in self.error.message
        return "canceled" if stopped else "error"

    @property
    def images(self) -> tuple[str, ...]:
        """The names that its outputs give the image."""
        named = (exporter.attrs.get("name", "") for exporter in self.exporters)
        return tuple(dict.fromkeys(name for names in named for name in names.split(",") if name))

    @property
    def digest(self) -> str:
        """The digest of the image that the first output made, empty where none made one."""
        made = (blob for blobs in self.results.values() for _, blob in sorted(blobs.items()))
        return next((blob.digest for blob in made), "")

    def duration(self, now: int) -> int | None:
        """Return the nanoseconds that it took, or has taken by ``now``; None where it has no beginning."""
        if self.created is None:
            return None
        return max((self.completed or now) - self.created, 0)
