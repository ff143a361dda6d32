"""The builds in flight on a daemon, as its build history tells them. Pure.

A daemon announces each build to all who listen in the same order, and that order is the line: a build whose
place in it lies behind the bound is one too many, and all clients agree on which one that is.
"""

from __future__ import annotations

from router.errors import BusyError
from router.rpc.protobuf import Value, read, submessage, text

__all__ = ["BuildsInFlight", "too_busy"]

# BuildHistoryEventType
_STARTED = 0
# No bound is that high; more is a daemon that wants to fill the memory.
_MOST = 10_000


class BuildsInFlight:
    """Takes the events of ListenBuildHistory, in order."""

    def __init__(self) -> None:
        self._refs: dict[str, None] = {}

    def see(self, message: memoryview) -> None:
        """Take one BuildHistoryEvent. Raises ``Http2Error`` where it is none."""
        kind: Value = _STARTED
        ref = ""
        for number, value in read(message):
            if number == 1:
                kind = value
            elif number == 2:
                ref = next((text(part) for field, part in submessage(value) if field == 1), "")
        if kind != _STARTED:
            self._refs.pop(ref, None)
        elif len(self._refs) < _MOST:
            self._refs[ref] = None

    def __len__(self) -> int:
        return len(self._refs)

    def __contains__(self, ref: str) -> bool:
        return ref in self._refs

    def before(self, ref: str) -> int:
        """Return how many builds in flight were announced before that one; all where it was not yet."""
        for place, known in enumerate(self._refs):
            if known == ref:
                return place
        return len(self._refs)


def too_busy(daemon: str, builds: int, bound: int) -> BusyError:
    """Return the error for a daemon that gets no more builds."""
    return BusyError(f"{daemon} has {builds} builds in flight, of at most {bound}", builds=builds)
