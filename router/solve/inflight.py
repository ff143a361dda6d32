"""The builds in flight on a daemon, as its build history lists them. Pure.

buildkitd answers a question for the active builds (``ActiveOnly`` and ``EarlyExit``) from one list, under one
lock, and ends the answer: only that is complete. A stream that follows the history begins with the same list
but doesn't mark its end, and forwards each later event from a goroutine of its own, so that two events may
swap places: it shows that something has changed, not the current state.
"""

from __future__ import annotations

from router.errors import BusyError
from router.model.frozen import frozen
from router.rpc.protobuf import Value, integer, read, submessage, text

__all__ = ["BuildsInFlight", "HistoryEvent", "counted_builds", "history_event", "too_busy"]

# BuildHistoryEventType
_STARTED, _COMPLETE, _DELETED = 0, 1, 2
# The field of a BuildHistoryRecord
_PINNED = 14
# No limit is that high; a longer list comes from a daemon that wants to fill the memory.
_MOST = 10_000
# The number of characters kept of a ref; a build's own ref has 32.
_LONGEST_REF = 1000


@frozen
class HistoryEvent:
    """One BuildHistoryEvent. ``created`` is the daemon's time, in seconds and nanoseconds.

    ``succeeded`` says whether a finished build was successful.
    """

    ref: str
    started: bool
    created: tuple[int, int]
    deleted: bool = False
    succeeded: bool = False
    pinned: bool = False


def history_event(message: memoryview) -> HistoryEvent:
    """Read a BuildHistoryEvent. Raises ``Http2Error`` if it is malformed."""
    kind: Value = _STARTED
    ref, failed, pinned = "", False, False
    created = {1: 0, 2: 0}
    for number, value in read(message):
        if number == 1:
            kind = value
        elif number == 2:
            for field, part in submessage(value):
                if field == 1:
                    ref = text(part)[:_LONGEST_REF]
                elif field == 5:
                    failed = True
                elif field == 6:
                    created |= {unit: integer(count) for unit, count in submessage(part)}
                elif field == _PINNED:
                    pinned = bool(integer(part))
    return HistoryEvent(
        ref=ref,
        started=kind == _STARTED,
        created=(created[1], created[2]),
        deleted=kind == _DELETED,
        succeeded=kind == _COMPLETE and not failed,
        pinned=pinned,
    )


class BuildsInFlight:
    """Reads the answer to one question for the active builds."""

    def __init__(self) -> None:
        self._created: dict[str, tuple[int, int]] = {}

    def see(self, message: memoryview) -> None:
        """Take one BuildHistoryEvent. Raises ``Http2Error`` if it is malformed."""
        event = history_event(message)
        if event.started and len(self._created) < _MOST:
            self._created[event.ref] = event.created

    def __len__(self) -> int:
        return len(self._created)

    def before(self, ref: str) -> int:
        """Return the number of builds that began before this one, by the daemon's clock: all clients agree on
        it.

        0 if the build isn't in the list: it is over.
        """
        if ref not in self._created:
            return 0
        mine = (self._created[ref], ref)
        return sum((created, other) < mine for other, created in self._created.items())


def too_busy(daemon: str, builds: int, bound: int) -> BusyError:
    """Return the error for a daemon that can take no more builds."""
    return BusyError(f"{daemon} is full ({counted_builds(builds)} in flight, limit {bound})", builds=builds)


def counted_builds(builds: int) -> str:
    """Return a number of builds in words."""
    return f"{builds} build{'' if builds == 1 else 's'}"
