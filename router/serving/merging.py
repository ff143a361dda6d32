"""Merge the answers of several daemons into one that a client of a single daemon can read. Pure.

Unknown fields stay: a message that is parsed and packed again keeps them. The answers' types were checked
when they arrived.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, MutableSequence, Sequence
from typing import TypeVar

from router._proto import control_pb2 as pb

__all__ = ["merged_usage", "merged_workers", "oldest"]

_Record = TypeVar("_Record")

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?(-)?")


def merged_workers(answers: Iterable[bytes]) -> bytes:
    """Return a ListWorkersResponse with the workers of all, the first daemon's first.

    So the platforms are combined. A daemon that is in the fleet under two names counts once: each worker has
    an ID of its own.
    """
    merged = pb.ListWorkersResponse()
    for answer in answers:
        merged.MergeFromString(answer)
    _keep_first(merged.record, lambda record: record.ID)
    return merged.SerializeToString()


def merged_usage(answers: Iterable[bytes]) -> bytes:
    """Return a DiskUsageResponse with all records, each ID once."""
    merged = pb.DiskUsageResponse()
    for answer in answers:
        merged.MergeFromString(answer)
    _keep_first(merged.record, lambda record: record.ID)
    return merged.SerializeToString()


def oldest(answers: Sequence[bytes]) -> bytes:
    """Return the InfoResponse of the oldest BuildKit: all daemons support what it supports.

    A version that can't be parsed (a build from source) counts as newer than all others.
    """
    return min(answers, key=lambda answer: _age(pb.InfoResponse.FromString(answer).buildkitVersion.version))


def _age(version: str) -> tuple[float, ...]:
    found = _VERSION.match(version)
    if found is None:
        return (float("inf"),)
    major, minor, patch, before = found.groups()
    return (int(major), int(minor), int(patch or 0), 0 if before else 1)


def _keep_first(records: MutableSequence[_Record], name: Callable[[_Record], Hashable]) -> None:
    """Delete records whose name an earlier one has; those without a name stay."""
    seen: set[Hashable] = set()
    again: list[int] = []
    for index, record in enumerate(records):
        known = name(record)
        if known and known in seen:
            again.append(index)
        seen.add(known)
    for index in reversed(again):
        del records[index]
