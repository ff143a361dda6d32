"""What the parts of one client's connection share, and what all connections of an endpoint do."""

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
from router.serving.pipes import Budget
from router.serving.timers import Timers
from router.serving.watching.board import Board

__all__ = ["Arrival", "Client", "Memory", "Relays", "Services", "Shared"]


# Seconds.
_AT_THE_GATE = 1.0


class Arrival(Protocol):
    """A client that has come in, on a connected stream.

    Those with the same ``who`` may see each other's builds; ``description`` is for messages.
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
    """What an endpoint remembers of builds: who began each, and which daemon has had which key.

    Bounded; may be used by several threads.
    """

    def __init__(self, most: int = 10_000) -> None:
        self._most = most
        self._owners: OrderedDict[str, str] = OrderedDict()
        self._warm: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._gates: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def begins(self, ref: str, who: str) -> bool:
        """Take note of who began a build; False where it is another's."""
        with self._lock:
            owner = self._owners.setdefault(ref, who)
            self._owners.move_to_end(ref)
            _forget_oldest(self._owners, self._most)
        return owner == who

    def is_of_another(self, ref: str, who: str) -> bool:
        """Say whether somebody else began a build."""
        with self._lock:
            return self._owners.get(ref, who) != who

    def built(self, daemon: str, key: str) -> None:
        """Take note that a daemon has had a key."""
        with self._lock:
            self._warm[daemon, key] = None
            self._warm.move_to_end((daemon, key))
            _forget_oldest(self._warm, self._most)

    @contextmanager
    def gate(self, daemon: str) -> Iterator[None]:
        """Let one build after the other ask a daemon for its turn and take it.

        Of those that ask at once all hear that there is room, and all but one go again. Nobody waits for a
        daemon that doesn't answer others.
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
    """What an endpoint does for its clients.

    ``router`` finds the daemons; ``methods`` are those that the fleet answers as one, by their paths. ``key``
    is the balancing key of all builds, empty for the rules. ``placed`` hears, from any thread, which daemon a
    build is on, by its ref; ``on_event`` what is told of builds. ``board`` has the record of them.
    """

    router: Relays
    methods: Mapping[str, FleetMethod]
    key: str = ""
    placed: Callable[[str, Daemon], None] = _need_not_know
    on_event: Callable[[Event], None] = ignore
    board: Board = field(default_factory=Board)


class Shared:
    """What all clients of an endpoint have in common.

    ``draining``: it takes no more builds. ``pong`` is what a daemon answered to LLBBridge.Ping last, framed.
    """

    def __init__(self) -> None:
        self.memory = Memory()
        self.draining = False
        self.pong = b""


class Client:
    """One client: who it is, and its connection. ``post`` has the connection's thread do something."""

    def __init__(self, arrival: Arrival, services: Services, shared: Shared, budget: Budget) -> None:
        self.who = arrival.who
        self.description = arrival.description
        self.services = services
        self.shared = shared
        self.budget = budget
        self.http2 = Http2Connection(client=False)
        self.timers = Timers()
        self.post: Callable[[Callable[[], None]], None] = _not_yet

    def hides(self, ref: str) -> bool:
        """Say whether a build is another's, so that this client may not know of it; from any thread."""
        return self.shared.memory.is_of_another(ref, self.who)

    def hear(self, event: Event) -> None:
        """Take what is told of a build. What comes of it is known to its client alone."""
        if not (isinstance(event, Notice) and event.reason == "cache-only"):
            self.services.on_event(event)

    def tell(self, text: str) -> None:
        """Tell something of this client."""
        self.services.on_event(Notice(level="warning", text=f"{self.description}: {text}"))


def _not_yet(_action: Callable[[], None]) -> None:
    raise AssertionError("the connection has no thread yet")


def _forget_oldest(kept: OrderedDict[str, str] | OrderedDict[tuple[str, str], None], most: int) -> None:
    if len(kept) > most:
        kept.popitem(last=False)
