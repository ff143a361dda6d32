"""The tables of a buildkitd.toml that say which cache goes first, made from the size of a volume.

The daemon's own policy (v0.32) gives up contexts, git checkouts and cache mounts that nobody used for 48
hours as soon as the whole cache exceeds 512 MB, and never keeps more than 100 GB, however large the volume.
After a weekend the next build sends its context anew and compiles from nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

__all__ = ["WorkerName", "gc_policy"]

WorkerName = Literal["oci", "containerd"]

_SOURCES = '"type==source.local", "type==exec.cachemount", "type==source.git.checkout"'
_DAY = 24
# Percent. A volume is the daemon's alone; a directory of the pod's is on the node's disk, which others use
# and where the kubelet evicts pods at a tenth.
_OF_VOLUME = {"full": 60, "most": 80, "free": 10, "kept": 10}
_OF_NODE = {"full": 40, "most": 60, "free": 20, "kept": 10}


def gc_policy(size: int | None, worker: WorkerName = "oci") -> str:
    """Return the tables of a buildkitd.toml; ``size`` is the volume's in bytes, None where it is unknown.

    Then the limits are shares of the disk that the daemon finds.
    """
    shares = _OF_NODE if size is None else _OF_VOLUME
    full, most, free, kept = (_space(size, shares[name]) for name in ("full", "most", "free", "kept"))
    # However full others make the disk: without the last one everything would go then.
    room = (f"maxUsedSpace = {most}", f"minFreeSpace = {free}", f"reservedSpace = {kept}")
    rules = (
        (f"filters = [ {_SOURCES} ]", f'keepDuration = "{14 * _DAY}h"', f"maxUsedSpace = {full}"),
        (f'keepDuration = "{60 * _DAY}h"', f"maxUsedSpace = {full}"),
        room,
        ("all = true", *room),
    )
    remarks = (
        f"Contexts, checkouts and cache mounts: after 14 days without use, once {shares['full']}% are full.",
        "Anything else: after 60 days without use, from there on.",
        "Whatever was used least, when there is no room left.",
        "If that is not enough, what the daemon keeps for itself too.",
    )
    return "\n".join(_lines(worker, remarks, rules))


def _space(size: int | None, percent: int) -> str:
    return f'"{percent}%"' if size is None else str(size * percent // 100)


def _lines(worker: WorkerName, remarks: tuple[str, ...], rules: tuple[tuple[str, ...], ...]) -> Iterator[str]:
    for remark, rule in zip(remarks, rules, strict=True):
        yield f"# {remark}"
        yield f"[[worker.{worker}.gcpolicy]]"
        yield from (f"  {line}" for line in rule)
    yield ""
