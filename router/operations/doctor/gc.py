"""Check that contexts and caches outlive a worker's garbage collection until the next build. Pure.

buildkitd goes through its rules one after the other, after builds and now and then. A rule deletes what
matches its filters and was not used for its duration, the longest unused first, while the whole cache (what
images share is not counted) is larger than the rule's space; one without a space deletes all of it. Its own
policy (v0.32) gives up contexts, git checkouts and cache mounts after 48 hours beyond 512 MB.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from router.notation.gc_policy import WorkerName, gc_policy
from router.operations.debug_daemon import GCRule
from router.operations.doctor.finding import Level

__all__ = ["GCFault", "cache_limit", "gc_faults", "gc_policy_lines", "size_text"]

# The types of records, by what people call them.
_KINDS: Mapping[str, str] = {
    "regular": "layers",
    "source.local": "contexts",
    "exec.cachemount": "cache mounts",
    "source.git.checkout": "git checkouts",
}
_HOUR = 3600 * 1_000_000_000
# A build a day, and the first one after a weekend.
_UNTIL_TOMORROW, _UNTIL_MONDAY = 24 * _HOUR, 72 * _HOUR
# Bytes: no image's layers and mounts fit in less.
_SMALL = 1_000_000_000
_TYPE = re.compile(r"type={1,2}([\w.]+)")


class GCFault(NamedTuple):
    """A rule under which something doesn't live; ``text`` says what, and when it goes."""

    level: Level
    text: str


def gc_faults(rules: Sequence[GCRule], used: int | None) -> tuple[GCFault, ...]:
    """Return the findings about a worker's rules; ``used`` is the size of its cache, if that is known."""
    if not rules:
        return (GCFault("note", "garbage collection is off: the cache grows until the disk is full"),)
    most = cache_limit(rules)
    return tuple(_faults(rules, most, used))


def cache_limit(rules: Sequence[GCRule]) -> int:
    """Return the bytes that the whole cache may take up, 0 where no rule limits it."""
    limits = [_space(rule) for rule in rules if not rule.filters and not rule.keep_duration]
    return min(filter(None, limits), default=0)


def _faults(rules: Sequence[GCRule], most: int, used: int | None) -> Iterator[GCFault]:
    for rule in rules:
        kinds = _kinds(rule)
        level = _level(rule, most)
        if not kinds or level == "ok":
            continue
        what = " and ".join(filter(None, [", ".join(kinds[:-1]), kinds[-1]]))
        unused = f" unused for {_duration(rule.keep_duration)}" if rule.keep_duration else ""
        space = _space(rule)
        now = f" (now {size_text(used)})" if used is not None else ""
        beyond = f", as soon as the whole cache exceeds {size_text(space)}{now}" if space else ""
        yield GCFault(level, f"gives up {what}{unused}{beyond}")


def _level(rule: GCRule, most: int) -> Level:
    """Judge a rule by how long things are left in peace, and by how much room there is for them."""
    space, duration = _space(rule), rule.keep_duration
    if duration >= _UNTIL_MONDAY or (not space and rule.min_free_space):
        return "ok"
    if space >= _SMALL:
        # A limit of the whole cache deletes what is needed least; one that comes long before it does not.
        return "note" if duration and space * 10 < most else "ok"
    return "problem" if duration < _UNTIL_TOMORROW else "note"


def _kinds(rule: GCRule) -> list[str]:
    if not rule.filters:
        return ["layers", "contexts", "cache mounts"]
    found = [_TYPE.fullmatch(text.strip()) for text in rule.filters]
    return [_KINDS[match[1]] for match in found if match is not None and match[1] in _KINDS]


def _space(rule: GCRule) -> int:
    return max(rule.max_used_space, rule.reserved_space)


def _duration(nanoseconds: int) -> str:
    hours = nanoseconds / _HOUR
    if hours >= 48 and hours % 24 == 0:
        return f"{hours / 24:g} days"
    return f"{hours:g} hours" if hours >= 1 else f"{nanoseconds / 1e9:g} s"


def size_text(size: int) -> str:
    """Write a size with three digits."""
    for unit, factor in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 1000)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size} B"


def gc_policy_lines(worker: WorkerName) -> str:
    """Return lines of a buildkitd.toml under which contexts and cache mounts live two weeks.

    Their limits are shares of the disk, which are understood since v0.17; none is wider than a terminal.
    """
    lines = [line for line in gc_policy(None, worker).split("\n") if line and not line.startswith("#")]
    narrow = re.sub(r"\[ (.*) \]", lambda found: _one_a_line(found[1]), "\n".join(lines))
    return f"in its buildkitd.toml, in place of its gcpolicy:\n{narrow}"


def _one_a_line(items: str) -> str:
    return "[\n    " + items.replace(", ", ",\n    ") + "\n  ]"
