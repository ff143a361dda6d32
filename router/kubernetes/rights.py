"""Which daemons are reached by the same rights, so that a missing one closes the way to them all. Pure."""

from __future__ import annotations

from router.model.address import Address, KubePodAddress

__all__ = ["share_rights"]


def share_rights(one: Address, other: Address) -> bool:
    """Say whether two addresses are pods of one namespace, which no right of Kubernetes tells apart."""
    if not (isinstance(one, KubePodAddress) and isinstance(other, KubePodAddress)):
        return False
    if other.ip is not None:
        return False  # it is dialled without asking anybody
    return (one.namespace, one.context, one.via) == (other.namespace, other.context, other.via)
