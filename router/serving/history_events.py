"""The events of several histories made those of one. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence

from router._proto import control_pb2 as pb
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.solve.inflight import HistoryEvent

__all__ = ["Heard", "Repeated", "as_one_history"]

# Builds of which it is remembered what was last told of them.
_MOST = 20_000


@frozen
class Heard:
    """An event of a daemon's history; ``packed`` is what the daemon sent, with all that is in it.

    It is kept packed: one that is read takes many times its size.
    """

    daemon: Daemon
    packed: bytes
    event: HistoryEvent


def as_one_history(heard: Sequence[Heard], limit: int) -> tuple[Heard, ...]:
    """Return what one daemon would answer at once: builds that run, then those that are over.

    A build has one event, the last that its daemon told. If several daemons have it, it was begun again
    elsewhere, and the latest counts. With a limit, builds that are over are the latest begun, at most so
    many, the latest first; without one they are as they came.
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
    """Tells what was said already: a stream begins with what is known, and is joined again when it broke."""

    def __init__(self, told: Iterable[Heard]) -> None:
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()
        for each in told:
            self.add(each)

    def add(self, heard: Heard) -> bool:
        """Note an event; say whether its daemon told the same of its build last time."""
        build = (heard.daemon.name, heard.event.ref)
        # The order of a map's entries differs from one time to the next.
        event = pb.BuildHistoryEvent.FromString(heard.packed)
        said = hash(event.SerializeToString(deterministic=True))
        same = self._last.get(build) == said
        self._last[build] = said
        self._last.move_to_end(build)
        if len(self._last) > _MOST:
            self._last.popitem(last=False)
        return same
