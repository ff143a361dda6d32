"""Results of making, scaling and removing a fleet."""

from __future__ import annotations

from typing import Literal

from router.model.frozen import frozen
from router.provision.pod_rows import PodRow

__all__ = ["FleetMade", "FleetRemoved", "FleetScaled", "ObjectChange", "PoolChange"]


@frozen
class ObjectChange:
    """An object of a fleet, and what was done to it."""

    kind: str
    name: str
    state: Literal["created", "changed", "unchanged", "deleted"]

    @property
    def subject(self) -> str:
        """The object within a sentence: ``Service ci``."""
        return f"{self.kind} {self.name}"


@frozen
class PoolChange:
    """A StatefulSet of a fleet: the daemons that it had, and those that it has now."""

    name: str
    before: int
    after: int


@frozen
class FleetMade:
    """A fleet that was created or changed: its objects in their order, and its pods, all of them ready."""

    objects: tuple[ObjectChange, ...]
    pods: tuple[PodRow, ...]


@frozen
class FleetScaled:
    """A fleet that has another size: its pools, and its pods, all of them ready."""

    pools: tuple[PoolChange, ...]
    pods: tuple[PodRow, ...]


@frozen
class FleetRemoved:
    """A fleet that was removed: what was deleted, and the names of the volume claims that stay."""

    objects: tuple[ObjectChange, ...]
    kept: tuple[str, ...] = ()
