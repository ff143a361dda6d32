"""What came of a build."""

from __future__ import annotations

from collections.abc import Mapping

from router.model.address import Address
from router.model.daemon import Place
from router.model.frozen import field, frozen
from router.model.miss import Miss

__all__ = ["BuildResult"]


@frozen
class BuildResult:
    """A build that succeeded.

    ``metadata`` is the exporter's response as the daemon gave it (``containerimage.digest`` ...);
    ``ref`` names the build on its daemon. ``daemon``, ``place``, ``key`` and ``rule`` say where it ran and
    why. Of the ``steps`` that build upon others (RUN, COPY) ``cached`` were in the daemon's cache; 0 of 0
    where the backend doesn't tell. ``miss`` is the first that was not, None also where that isn't told.
    ``sent`` is the bytes that the daemon took of contexts and Dockerfiles. ``seconds`` is how long it all
    took, the search for a daemon included; ``waited`` the part before the daemon that built it was tried.
    """

    daemon: str
    address: Address
    ref: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    key: str = ""
    rule: str = ""
    place: Place = Place()
    steps: int = 0
    cached: int = 0
    miss: Miss | None = None
    sent: int = 0
    seconds: float = 0.0
    waited: float = 0.0

    @property
    def digest(self) -> str:
        """The digest of the image's manifest or index; empty where no image was made."""
        return self.metadata.get("containerimage.digest", "")

    @property
    def image_id(self) -> str:
        """The digest of the image's config, as ``docker image ls`` knows it; else the manifest's digest."""
        return self.metadata.get("containerimage.config.digest", "") or self.digest
