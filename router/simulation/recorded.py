"""Keys with their rates and times, from what daemons remember of their builds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from statistics import median

from router.errors import UsageError
from router.model.frozen import frozen
from router.model.record import BuildRecord
from router.placement.key import GitCheckout, KeyInputs, balancing_key
from router.simulation.model import SimulatedKey

__all__ = ["Recorded", "recorded_keys"]

_SECOND, _HOUR = 1_000_000_000, 3600.0
# Seconds. What was begun a moment ago tells nothing of how often it is begun.
_SHORTEST_PERIOD = 60.0


@frozen
class Recorded:
    """What was found: the keys, those built most often first, of how many builds, over how many seconds.

    ``nameless`` is how many more have nothing that a key could be made of.
    """

    keys: tuple[SimulatedKey, ...]
    builds: int
    nameless: int
    seconds: float


def recorded_keys(histories: Sequence[Iterable[BuildRecord]], now: int) -> Recorded:
    """Return the keys of the builds that are over on some daemons, until ``now`` in nanoseconds since 1970.

    A daemon remembers its latest builds alone, a busy one for a shorter time: each build counts by the time
    that its own daemon remembers. A build of warmroute's has its key on its record, another one has that of
    its image or its context. A build is warm that had at least half as many cached steps as the warmest of
    its key; times are medians of those that succeeded.
    """
    rates: dict[str, float] = defaultdict(float)
    builds: dict[str, list[BuildRecord]] = defaultdict(list)
    nameless, longest = 0, _SHORTEST_PERIOD
    for history in histories:
        over = [each for each in history if each.completed is not None and each.status != "canceled"]
        first = min((each.created or now for each in over), default=now)
        period = max((now - first) / _SECOND, _SHORTEST_PERIOD)
        longest = max(longest, period)
        for record in over:
            key = _key(record)
            if not key:
                nameless += 1
                continue
            rates[key] += _HOUR / period
            builds[key].append(record)
    return Recorded(
        keys=tuple(
            _timed(key, rates[key], builds[key]) for key in sorted(rates, key=lambda key: -rates[key])
        ),
        builds=sum(map(len, builds.values())),
        nameless=nameless,
        seconds=longest,
    )


def _key(record: BuildRecord) -> str:
    """Return a build's key, empty where only the client knew it: the path of a directory, say."""
    if record.mark is not None:
        return record.mark.key
    attrs, images = record.attrs, record.images[:1]
    context, remote = attrs.get("context", ""), attrs.get("vcs:source", "")
    if not (images or context or remote):
        return ""
    git = GitCheckout(remote=remote, path=attrs.get("vcs:localdir:context", ""))
    inputs = KeyInputs(context=context or ".", tags=images, git=git)
    try:
        return balancing_key(inputs).key
    except UsageError:
        return ""  # it is no context as ours are


def _timed(key: str, rate: float, records: Sequence[BuildRecord]) -> SimulatedKey:
    warmest = max(record.cached_steps for record in records)
    times: dict[bool, list[float]] = {True: [], False: []}
    for record in records:
        if record.status == "completed" and record.created is not None:
            warm = record.cached_steps > 0 and 2 * record.cached_steps >= warmest
            times[warm].append((record.duration(0) or 0) / _SECOND)
    return SimulatedKey(
        key=key,
        rate=rate,
        cold=median(times[False]) if times[False] else None,
        warm=median(times[True]) if times[True] else None,
    )
