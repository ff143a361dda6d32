"""Which daemons are reached by the same rights, so that a missing one closes the way to them all. Pure."""

from __future__ import annotations

from router.address import KubePodAddress, parse_address

__all__ = ["share_rights"]


def share_rights(one: str, other: str) -> bool:
    """Say whether two addresses are pods of one namespace, which no right of Kubernetes tells apart."""
    first, second = parse_address(one), parse_address(other)
    if not (isinstance(first, KubePodAddress) and isinstance(second, KubePodAddress)):
        return False
    if second.ip is not None:
        return False  # it is dialled without asking anybody
    return (first.namespace, first.context, first.via) == (second.namespace, second.context, second.via)
