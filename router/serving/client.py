"""The state that the parts of one client's connection share, and the state of the whole endpoint."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from router.backends import Backend
from router.build import Relayed
from router.cancellation import Cancellation
from router.model.daemon import Daemon
from router.model.events import Event, Notice
from router.model.frozen import field, frozen
from router.model.result import BuildResult
from router.net.stream import ByteStream
from router.notices import ignore
from router.rpc.http2 import Http2Connection
from router.serving.fleet_calls import FleetMethod
from router.serving.open_sessions import OpenSessions
from router.serving.pipes import Budget
from router.serving.timers import Timers
from router.serving.watching.board import Board

__all__ = ["Arrival", "Client", "Memory", "Relays", "Services", "Shared"]


# Seconds that a build waits for another one to ask the same daemon.
_AT_THE_GATE = 1.0


class Arrival(Protocol):
    """A client that has connected, with its stream.

    Clients with the same ``who`` may see each other's builds, and all clients if ``Services.shared``;
    ``description`` is for messages.
    """

    @property
    def stream(self) -> ByteStream: ...
    @property
    def who(self) -> str: ...
    @property
    def description(self) -> str: ...


class Relays(Protocol):
    """Finds a daemon for a build and has a backend carry it out; see ``BuildRouter.relay``."""

    def relay(
        self,
        relayed: Relayed,
        backend: Backend,
        *,
        on_event: Callable[[Event], None],
        cancellation: Cancellation,
    ) -> BuildResult: ...


class Memory:
    """The builds that an endpoint remembers: who began each, and which daemon has had which key.

    Limited in size; safe for threads.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._warm: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._gates: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def begins(self, ref: str, who: str) -> bool:
        """Record who began a build; False if it belongs to another client."""
        with self._lock:
            owner = self._owners.setdefault(ref, who)
            self._owners.move_to_end(ref)
            _forget_oldest(self._owners, self._most)
        return owner == who

    def is_of_another(self, ref: str, who: str) -> bool:
        """Say whether another client began a build."""
        with self._lock:
            return self._owners.get(ref, who) != who

    def built(self, daemon: str, key: str) -> None:
        """Record that a daemon has had a key."""
        with self._lock:
            self._warm[daemon, key] = None
            self._warm.move_to_end((daemon, key))
            _forget_oldest(self._warm, self._most)

    @contextmanager
    def gate(self, daemon: str) -> Iterator[None]:
        """Let builds ask a daemon for their turn, and take it, one after the other.

        If several asked at once, all would hear that there is room, and all but one would have to go again. A
        build waits only briefly, so a daemon that doesn't answer blocks no other build.
        """
        with self._lock:
            gate = self._gates.setdefault(daemon, threading.Lock())
        entered = gate.acquire(timeout=_AT_THE_GATE)
        try:
            yield
        finally:
            if entered:
                gate.release()

    def knows(self, daemon: str, key: str) -> bool:
        """Say whether a daemon has had a key."""
        with self._lock:
            return (daemon, key) in self._warm


def _need_not_know(_ref: str, _daemon: Daemon) -> None:
    """Tell nobody."""


@frozen
class Services:
    """The services of an endpoint for its clients.

    ``router`` finds the daemons; ``methods`` are those that the fleet answers as one, by their paths. ``key``
    is the balancing key of all builds, empty to apply the rules. ``shared``: all clients may see each other's
    builds. ``placed`` hears, from any thread, which daemon a build is on, by its ref; ``on_event`` gets the
    builds' events. ``board`` keeps their record.
    """

    router: Relays
    methods: Mapping[str, FleetMethod]
    key: str = ""
    shared: bool = False
    placed: Callable[[str, Daemon], None] = _need_not_know
    on_event: Callable[[Event], None] = ignore
    board: Board = field(default_factory=Board)


class Shared:
    """The state that all clients of an endpoint share.

    ``draining``: it takes no more builds. ``pong`` is a daemon's last answer to LLBBridge.Ping, framed.
    """

    def __init__(self) -> None:
        self.memory = Memory()
        self.draining = False
        self.pong = b""


class Client:
    """One client: its identity and its connection. ``post`` runs an action in the connection's thread.

    Clients with the same ``circle`` see each other's builds.
    """

    def __init__(self, arrival: Arrival, services: Services, shared: Shared, budget: Budget) -> None:
        self.who = arrival.who
        self.circle = "" if services.shared else arrival.who
        self.description = arrival.description
        self.services = services
        self.shared = shared
        self.budget = budget
        self.http2 = Http2Connection(client=False)
        self.timers = Timers()
        self.sessions = OpenSessions(self.timers)
        self.post: Callable[[Callable[[], None]], None] = _not_yet

    def hides(self, ref: str) -> bool:
        """Say whether a build is another client's, and so invisible to this one; from any thread."""
        return self.shared.memory.is_of_another(ref, self.circle)

    def hear(self, event: Event) -> None:
        """Take an event of a build. Its result is reported only to its client."""
        if not (isinstance(event, Notice) and event.reason == "cache-only"):
            self.services.on_event(event)

    def tell(self, text: str) -> None:
        """Report a message about this client."""
        self.services.on_event(Notice(level="warning", text=f"{self.description}: {text}"))


def _not_yet(_action: Callable[[], None]) -> None:
    raise AssertionError("the connection has no thread yet")


def _forget_oldest(kept: OrderedDict[str, str] | OrderedDict[tuple[str, str], None], most: int) -> None:
    if len(kept) > most:
        kept.popitem(last=False)
