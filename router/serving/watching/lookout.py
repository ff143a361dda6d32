"""Look at the fleet's daemons while somebody is watching: how many builds each has, and their progress.

No daemon is asked while nobody is watching. The answers about builds go to the ``Board``: the progress of
those in flight, and how warm the finished ones were.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import NamedTuple

from router.closing import Closing
from router.errors import RouterError, RpcError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.operations.each import Answer, at_once
from router.operations.in_flight import builds_in_flight
from router.operations.records import RecordQuery, read_records
from router.operations.usage import records_of, usage_of
from router.rpc.grpc import Status
from router.serving.peers import Peers
from router.serving.watching.board import Board
from router.session.server import CallRefused
from router.solve.control import Control
from router.solve.misses import FirstMiss

__all__ = ["Lookout", "Sight", "Sights"]

# Seconds between two looks, for which one viewer counts, and between two measurements of a cache.
_EVERY, _WANTED_FOR, _DISK_EVERY = 2.0, 10.0, 60.0
# Seconds for listing a cache: it may have a hundred thousand records.
_DISK_TIMEOUT = 30.0
# The number of a daemon's builds whose steps are read in one look, to find the first that ran.
_MOST_EXPLAINED = 5
_UNKNOWN = -1


@frozen
class Sight:
    """A daemon at the latest look. ``builds`` are all in flight there, ``disk`` the bytes of its cache and
    ``reclaimable`` those not in use; None if unknown. ``error`` is why it did not answer.
    """

    daemon: Daemon
    builds: int | None = None
    disk: int | None = None
    reclaimable: int | None = None
    error: str = ""


@frozen
class Sights:
    """The fleet at the latest look; ``error`` is why it can't be listed."""

    daemons: tuple[Sight, ...] = ()
    error: str = ""


class _Disk(NamedTuple):
    total: int = _UNKNOWN
    reclaimable: int = _UNKNOWN


class Lookout(Closing):
    """Looks every two seconds, as long as ``want`` is called now and then. Safe for threads."""

    def __init__(self, peers: Peers, board: Board) -> None:
        self._peers = peers
        self._board = board
        self._changed = threading.Condition()
        self._wanted_until = 0.0
        self._closed = False
        self._thread: threading.Thread | None = None
        self._seen: Sights | None = None
        self._latest: dict[str, Sight] = {}  # by name, used only by the thread
        self._disk: dict[str, _Disk] = {}
        self._measured: dict[str, float] = {}

    def want(self, patience: float = 0.0) -> Sights:
        """Return the last look, and look again; wait up to so many seconds for the first one."""
        with self._changed:
            fresh = time.monotonic() < self._wanted_until
            self._wanted_until = time.monotonic() + _WANTED_FOR
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="lookout", daemon=True)
                self._thread.start()
            if not fresh:
                self._seen = None if patience else self._seen
                self._changed.notify_all()
            if patience:
                self._changed.wait_for(lambda: self._seen is not None or self._closed, patience)
            return self._seen or Sights()

    def close(self) -> None:
        """Stop looking; wait for a question in progress."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(self._peers.patience + 1.0)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or time.monotonic() < self._wanted_until)
                if self._closed:
                    return
            seen = self._look()
            with self._changed:
                self._seen = seen
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._closed, _EVERY)

    def _look(self) -> Sights:
        try:
            daemons = self._peers.daemons()
        except CallRefused as exc:
            return Sights(error=str(exc))
        self._forget(frozenset(each.name for each in daemons))
        # A daemon that was silent just now keeps its last state; without one its state is unknown.
        awake = frozenset(each.name for each in self._peers.awake(daemons))
        asked = [each for each in daemons if each.name in awake or each.name not in self._latest]
        answered = {answer.daemon.name: self._sight(answer) for answer in at_once(asked, self._ask)}
        known = {**self._latest, **answered}
        self._latest = {each.name: known[each.name] for each in daemons}
        return Sights(daemons=tuple(self._latest.values()))

    def _sight(self, answer: Answer[int]) -> Sight:
        daemon, disk = answer.daemon, self._disk.get(answer.daemon.name, _Disk())
        return Sight(
            daemon=daemon,
            builds=None if answer.value == _UNKNOWN else answer.value,
            disk=None if disk.total == _UNKNOWN else disk.total,
            reclaimable=None if disk.reclaimable == _UNKNOWN else disk.reclaimable,
            error=str(answer.error) if answer.error is not None else "",
        )

    def _ask(self, daemon: Daemon) -> Answer[int]:
        """Ask one daemon for its number of builds; ``_UNKNOWN`` if it is too old to tell."""
        if not daemon.ready or daemon.terminating:
            return Answer(daemon=daemon)  # its state says why
        try:
            with self._peers.channel(daemon) as channel:
                builds = self._ask_control(daemon, Control(channel))
        except RouterError as exc:
            self._peers.noted(daemon, exc)
            return Answer(daemon=daemon, error=exc)
        self._peers.noted(daemon)
        if time.monotonic() >= self._measured.get(daemon.name, 0.0):
            self._measured[daemon.name] = float("inf")
            self._peers.start(partial(self._measure, daemon), f"disk of {daemon.name}")
        return Answer(daemon=daemon, value=builds)

    def _ask_control(self, daemon: Daemon, control: Control) -> int:
        patience = self._peers.patience
        try:
            running = builds_in_flight(control, patience)
        except RpcError as exc:
            if exc.code != Status.UNIMPLEMENTED:
                raise
            return _UNKNOWN
        for each in running:
            self._board.progress(each.record.ref, each.done, each.total, each.step)
        self._settle(control, self._board.unsettled(daemon.name))
        return len(running)

    def _settle(self, control: Control, refs: tuple[str, ...]) -> None:
        """Report how warm finished builds were, and for the cold ones the first step that ran."""
        if not refs:
            return
        wanted = frozenset(refs)
        records = read_records(control, self._peers.patience, query=RecordQuery(limit=2 * len(refs) + 20))
        found = [each for each in records if each.ref in wanted and each.completed is not None]
        for record in found:
            self._board.settle(record.ref, record.cached_steps, record.total_steps)
        for ref in self._board.cold(record.ref for record in found)[:_MOST_EXPLAINED]:
            miss = FirstMiss()
            control.wait(control.status(ref, miss.see), timeout=self._peers.patience)
            if miss.vertex is not None:
                self._board.missed(ref, miss.vertex.name)

    def _measure(self, daemon: Daemon) -> None:
        """Sum up the records of a daemon's cache."""
        try:
            with self._peers.channel(daemon) as channel:
                usage = usage_of(records_of(Control(channel), _DISK_TIMEOUT))
            self._disk[daemon.name] = _Disk(usage.total, usage.reclaimable)
        except RouterError:
            self._disk.pop(daemon.name, None)
        finally:
            self._measured[daemon.name] = time.monotonic() + _DISK_EVERY

    def _forget(self, present: frozenset[str]) -> None:
        """Drop the state of daemons that are gone."""
        for kept in (self._disk, self._measured):
            for name in tuple(kept):
                if name not in present:
                    kept.pop(name, None)
