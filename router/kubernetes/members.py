"""The members of a StatefulSet that are known, but not there. Pure.

A StatefulSet's pods have names that are known beforehand: its own with an ordinal. While one is not there
(its node is drained, it waits for the one before it), it is a member all the same, and keeps its keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from router.json_shape import ANY, Shape, shaped
from router.kubernetes.label_selector import matches
from router.model.frozen import field, frozen
from router.untrusted_json import member

__all__ = ["Listed", "StatefulSet", "missing_members", "read_stateful_set", "stateful_sets"]

_POD_NAME = "statefulset.kubernetes.io/pod-name"
_POD_INDEX = "apps.kubernetes.io/pod-index"
# No fleet has more; what a wrong object says must not fill the memory.
_MOST_REPLICAS = 10_000

# No StatefulSet's controller counts so far.
_MOST_DIGITS = 9

_Object = Mapping[str, Any]

_STATEFUL_SET: Shape = {
    "spec": {
        "replicas": int,
        "ordinals": {"start": int},
        "template": {"metadata": {"labels": {ANY: str}}},
    }
}


@frozen
class StatefulSet:
    """The ordinals that a StatefulSet wants, ``first`` the smallest, and the labels of its pods."""

    replicas: int
    first: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


@frozen
class Listed:
    """The pods that ``selector`` matches, and those of their StatefulSets that could be read, by name."""

    pods: Sequence[_Object]
    known: Mapping[str, StatefulSet]
    selector: str


def stateful_sets(pods: Iterable[_Object]) -> tuple[str, ...]:
    """Return the names of the StatefulSets that the pods belong to."""
    return tuple(sorted({owner for pod in pods if (owner := _owner(pod))}))


def read_stateful_set(body: object) -> StatefulSet | None:
    """Read the object as the API server gives it; None where it is none."""
    spec = (shaped(body, _STATEFUL_SET) or {}).get("spec")
    if spec is None or ("replicas" not in spec and member(body, "spec", "replicas") is not None):
        return None
    return StatefulSet(
        replicas=max(0, min(spec.get("replicas", 1), _MOST_REPLICAS)),
        first=max(0, spec.get("ordinals", {}).get("start", 0)),
        labels=spec.get("template", {}).get("metadata", {}).get("labels", {}),
    )


def missing_members(listed: Listed) -> Iterator[tuple[_Object, str]]:
    """Yield a pod as it would be for each member that is not there, and what is known of it.

    Of a StatefulSet that isn't known only gaps between the ordinals that are seen count as members.
    """
    pods, known = listed.pods, listed.known
    for owner in stateful_sets(pods):
        seen = {ordinal: pod for pod in pods if _owner(pod) == owner and (ordinal := _ordinal(pod)) >= 0}
        if not seen:
            continue
        if owner in known:
            first, count = known[owner].first, known[owner].replicas
            wanted, why = range(first, first + count), f"StatefulSet {owner} wants {count} replicas"
        else:
            last = min(max(seen), min(seen) + _MOST_REPLICAS)
            wanted, why = range(min(seen), last + 1), f"others of StatefulSet {owner} are there"
        sibling = seen[min(seen)]
        common = known[owner].labels if owner in known else sibling["metadata"].get("labels") or {}
        for ordinal in wanted:
            if ordinal in seen:
                continue
            own = {_POD_NAME: f"{owner}-{ordinal}", _POD_INDEX: str(ordinal)}
            if matches(listed.selector, {**common, **own}):
                yield _as_it_would_be(sibling, own), why


def _owner(pod: _Object) -> str:
    for reference in pod["metadata"].get("ownerReferences") or ():
        if reference.get("kind") == "StatefulSet" and reference.get("controller"):
            return str(reference.get("name", ""))
    return ""


def _ordinal(pod: _Object) -> int:
    """Return the number at the end of a pod's name, -1 where there is none."""
    digits = str(pod["metadata"]["name"]).rpartition("-")[2]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _MOST_DIGITS else -1


def _as_it_would_be(sibling: _Object, labels: Mapping[str, str]) -> _Object:
    """Return what is sure about a pod that comes of the same template, and has these labels of its own."""
    spec = {key: value for key, value in (sibling.get("spec") or {}).items() if key != "nodeName"}
    meta = {"name": labels[_POD_NAME], "namespace": sibling["metadata"].get("namespace"), "labels": labels}
    return {"metadata": meta, "spec": spec, "status": {}}
