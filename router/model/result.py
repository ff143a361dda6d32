"""What came of a build."""

from __future__ import annotations

from collections.abc import Mapping

from router.model.address import Address
from router.model.frozen import field, frozen

__all__ = ["BuildResult"]


@frozen
class BuildResult:
    """A build that succeeded.

    ``metadata`` is the exporter's response as the daemon gave it (``containerimage.digest`` ...);
    ``ref`` names the build on its daemon. ``daemon``, ``key`` and ``rule`` say where it ran and why.
    """

    daemon: str
    address: Address
    ref: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    rule: str = ""

    @property
    def digest(self) -> str:
        """The digest of the image's manifest or index; empty where no image was made."""
        return self.metadata.get("containerimage.digest", "")

    @property
    def image_id(self) -> str:
        """The digest of the image's config, as ``docker image ls`` knows it; else the manifest's digest."""
        return self.metadata.get("containerimage.config.digest", "") or self.digest
