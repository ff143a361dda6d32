"""The objects of an API server, as the making and removing of a fleet needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from router.provision.kinds import Kind
from router.provision.manifests import Object

__all__ = ["Objects"]


class Objects(Protocol):
    """The objects of one namespace, as one user. For one thread.

    All methods raise ``FleetError`` with the server's own message, whose ``reason`` is ``unauthorized``,
    ``forbidden``, ``missing``, ``conflict``, ``invalid`` or ``refused``.
    """

    @property
    def namespace(self) -> str:
        """The namespace."""

    def get(self, kind: Kind, name: str) -> Object | None:
        """Return an object, None where there is none."""

    def list(self, kind: Kind, *, labels: str = "", fields: str = "") -> Sequence[Object]:
        """Return the objects that selectors name."""

    def apply(self, kind: Kind, wanted: Object, *, force: bool = False) -> Object:
        """Put an object there by server-side apply; ``force`` takes fields that others have set."""

    def scale(self, kind: Kind, name: str, replicas: int) -> None:
        """Set how many pods something has."""

    def delete(self, kind: Kind, name: str) -> bool:
        """Delete an object, its pods after it; say whether there was one."""

    def allows(self, verb: str, kind: Kind, subresource: str = "") -> bool:
        """Ask the server whether we have a right, as `kubectl auth can-i` does."""
