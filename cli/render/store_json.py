"""What daemons keep in their stores as JSON, a record under the names that buildctl gives it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.render.store import utc

if TYPE_CHECKING:
    from router import CacheMount, CacheRecord, Usage

__all__ = ["freed_values", "mount_values", "record_values", "usage_values"]


def usage_values(usage: Usage | None) -> dict[str, int | None]:
    """Return the sums in bytes; None for each where the daemon did not answer."""
    if usage is None:
        return dict.fromkeys(("total", "reclaimable", "shared", "private", "count"))
    return {
        "total": usage.total,
        "reclaimable": usage.reclaimable,
        "shared": usage.shared,
        "private": usage.private,
        "count": len(usage.records),
    }


def freed_values(usage: Usage | None) -> dict[str, int | None]:
    """Return what a prune freed in bytes, and in how many records; None where the daemon did not answer."""
    if usage is None:
        return {"freed": None, "count": None}
    return {"freed": usage.total, "count": len(usage.records)}


def record_values(record: CacheRecord) -> dict[str, object]:
    """Return a record."""
    return {
        "id": record.id,
        "mutable": record.mutable,
        "inUse": record.in_use,
        "size": record.size,
        "createdAt": _written(record.created),
        "lastUsedAt": None if record.last_used is None else _written(record.last_used),
        "usageCount": record.usage_count,
        "parents": list(record.parents),
        "description": record.description,
        "recordType": record.type,
        "shared": record.shared,
    }


def mount_values(name: str, mount: CacheMount) -> dict[str, object]:
    """Return what a daemon has of a cache mount."""
    return {
        "id": mount.id,
        "daemon": name,
        "size": mount.size,
        "inUse": mount.in_use,
        "lastUsedAt": None if mount.last_used is None else _written(mount.last_used),
        "count": mount.records,
    }


def _written(nanoseconds: int) -> str:
    day, clock, fraction = utc(nanoseconds)
    return f"{day}T{clock}{fraction}Z"
