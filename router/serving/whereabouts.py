"""Which daemon has what: builds by ref, blobs by digest, as far as answers have shown."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from router._proto import control_pb2 as pb
from router.model.daemon import Daemon

__all__ = ["Whereabouts"]

# The number of names remembered, the latest; a build has one and its record some ten.
_MOST = 50_000
_LONGEST = 200


class Whereabouts:
    """Remembers for each ref and each digest the daemon that had it last; safe for threads.

    It only saves questions: an item that the daemon doesn't have is looked for on the others.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._daemons: OrderedDict[str, str] = OrderedDict()

    def note(self, name: str, daemon: Daemon) -> None:
        """Remember that a daemon has the build with this ref, or the blob with this digest."""
        if not name or len(name) > _LONGEST:
            return
        with self._lock:
            self._daemons[name] = daemon.name
            self._daemons.move_to_end(name)
            if len(self._daemons) > _MOST:
                self._daemons.popitem(last=False)

    def note_event(self, packed: bytes, daemon: Daemon) -> None:
        """Remember the build of a history event, and the blobs of its record."""
        event = pb.BuildHistoryEvent.FromString(packed)
        if event.type == pb.DELETED:
            return
        self.note(event.record.Ref, daemon)
        for blob in _blobs(event.record):
            self.note(blob.digest, daemon)

    def first(self, name: str, daemons: Sequence[Daemon]) -> tuple[Daemon, ...]:
        """Return the daemon that is known to have it, if it is among these."""
        with self._lock:
            known = self._daemons.get(name)
        return tuple(each for each in daemons if each.name == known)


def _blobs(record: pb.BuildHistoryRecord) -> Iterator[pb.Descriptor]:
    yield from (record.logs, record.trace, record.externalError)
    for result in (record.Result, *record.Results.values()):
        yield result.ResultDeprecated
        yield from result.Attestations
        yield from result.Results.values()
