"""Merge the events of several histories into one. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from router._proto import control_pb2 as pb
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.solve.inflight import HistoryEvent

__all__ = ["Heard", "Repeated", "as_one_history"]

# The number of builds whose last event is remembered.
_MOST = 20_000


@frozen
class Heard:
    """An event of a daemon's history; ``packed`` is the daemon's message, with all nested fields.

    It is kept packed: a parsed one takes many times the memory.
    """

    daemon: Daemon
    packed: bytes
    event: HistoryEvent


def as_one_history(heard: Sequence[Heard], limit: int) -> tuple[Heard, ...]:
    """Return the answer that one daemon would give: running builds, then finished ones.

    Each build has one event, the last that its daemon sent. If several daemons have the build, it was retried
    elsewhere, and the latest counts. With a limit, only so many finished builds are returned, the latest
    first; without one they stay in the order of arrival.
    """
    latest: dict[str, Heard] = {}
    for each in heard:
        known = latest.get(each.event.ref)
        if known is None or known.daemon == each.daemon or known.event.created < each.event.created:
            latest[each.event.ref] = each
    kept = {id(each) for each in latest.values()}
    events = [each for each in heard if id(each) in kept]
    over = [each for each in events if not each.event.started]
    if limit > 0:
        over = sorted(over, key=lambda each: each.event.created, reverse=True)[:limit]
    return (*(each for each in events if each.event.started), *over)


class Repeated:
    """Recognises repeated events: a stream starts with the known builds, and starts over after a break."""

    def __init__(self, told: Iterable[Heard]) -> None:
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()
        for each in told:
            self.add(each)

    def add(self, heard: Heard) -> bool:
        """Note an event; say whether its daemon sent the same for its build last time."""
        build = (heard.daemon.name, heard.event.ref)
        # The order of a map's entries varies.
        event = pb.BuildHistoryEvent.FromString(heard.packed)
        said = hash(event.SerializeToString(deterministic=True))
        same = self._last.get(build) == said
        self._last[build] = said
        self._last.move_to_end(build)
        if len(self._last) > _MOST:
            self._last.popitem(last=False)
        return same
