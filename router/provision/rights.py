"""The rights that making, looking at and removing a fleet takes; asked for before anything is changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.errors import FleetError
from router.provision.contract import Objects
from router.provision.kinds import KINDS, POD, Kind

__all__ = ["require_rights", "rights_to_make"]

Right = tuple[str, Kind, str]

_TO_MAKE = ("get", "create", "patch")


def rights_to_make(kinds: Iterable[str]) -> list[Right]:
    """Return the rights that server-side apply needs for objects of these kinds, and to see pods start."""
    named = [KINDS[name] for name in dict.fromkeys(kinds)]
    return [(verb, kind, "") for kind in named for verb in _TO_MAKE] + [("list", POD, "")]


def require_rights(kube: Objects, rights: Sequence[Right], what: str) -> None:
    """Raise ``FleetError`` that names each right that is missing; ``what`` is what can't be done then.

    A server that does not answer this question decides when it is asked for the thing itself.
    """
    try:
        missing = [right for right in rights if not kube.allows(*right)]
    except FleetError as exc:
        if exc.reason != "forbidden":
            raise
        return
    if not missing:
        return
    verbs: dict[str, list[str]] = {}
    for verb, kind, subresource in missing:
        verbs.setdefault("/".join(filter(None, (kind.resource, subresource))), []).append(verb)
    listed = "; ".join(f"{', '.join(each)} {resource}" for resource, each in verbs.items())
    where = f"in namespace {kube.namespace}"
    raise FleetError(
        f"can't {what} {where}: this user lacks the right to {listed}",
        hint=f"a RoleBinding to the ClusterRole admin {where} gives them; --print shows what an administrator"
        " can apply instead",
        reason="forbidden",
    )
