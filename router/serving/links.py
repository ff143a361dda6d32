"""The channels to daemons of one client's builds, and the sessions that each channel carries.

A daemon gets a session once, even if several of the client's builds there name it: buildkitd identifies
sessions by id, and forgets one as soon as any call that offered it ends.
"""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from contextlib import suppress

from router.errors import ConnectionLostError, RouterError, UnreachableError
from router.rpc import RpcCall
from router.serving.pipes import Budget
from router.serving.relay import Placed
from router.serving.sessions import ClientSession, DaemonSession
from router.serving.splice import Splice
from router.solve.control import INFO, QUIET

__all__ = ["OVER", "Link", "Links"]

OVER = ConnectionLostError("the build is over")
"""The error of calls that are still open when their build is over."""


class Link:
    """The channel of one build. ``sessions`` are those that the build names."""

    def __init__(self, placed: Placed, sessions: set[str]) -> None:
        self.daemon = placed.daemon
        self.channel = placed.channel
        self.sessions = sessions
        self.needed = True
        self._calls: list[Splice] = []
        self._offered: dict[str, tuple[DaemonSession, RpcCall]] = {}
        self._looking: RpcCall | None = None

    def take(self, call: Splice) -> None:
        """Make a call to the daemon."""
        self._calls = [each for each in self._calls if not each.over]
        self._calls.append(call)
        call.connect(self.channel)

    @property
    def silent(self) -> bool:
        """Whether no call is in progress."""
        return all(call.over for call in self._calls)

    @property
    def offered(self) -> frozenset[str]:
        """The sessions that the daemon has through this channel."""
        return frozenset(self._offered)

    def offer(self, session: ClientSession, offered: DaemonSession, call: RpcCall) -> None:
        """Connect a session with the daemon's side of it."""
        self._offered[session.id] = (offered, call)
        offered.attach(session)

    def look_alive(self) -> None:
        """Ask a daemon that has been silent for ``QUIET`` a small question."""
        if self.channel.silence >= QUIET and (self._looking is None or self._looking.done):
            with suppress(ConnectionLostError):  # it is shutting down, and may finish its builds
                self._looking = self.channel.start(INFO, request=b"", on_message=lambda _: None)

    def register(self, poll: select.poll) -> float:
        """Register the descriptors to poll; return the longest wait in seconds."""
        quiet = max(QUIET - self.channel.silence, 0.0) or QUIET
        return min(self.channel.register(poll), quiet)

    def withdraw(self, session_id: str) -> None:
        """The client has ended a session: tell the daemon."""
        if (known := self._offered.pop(session_id, None)) is not None:
            offered, call = known
            offered.drop()
            self.channel.end(call)

    def release(self, error: RouterError) -> list[Splice]:
        """Give up the link of a lost build: return the calls that can be repeated, and end the others."""
        self.needed = False
        calls, self._calls = [call for call in self._calls if not call.over], []
        for call in calls:
            if call.repeatable:
                call.disconnect()
            else:
                call.on_loss(error)
        return [call for call in calls if call.repeatable]

    def settle(self) -> None:
        """Tell the calls that the build has ended."""
        for call in self._calls:
            call.settle()

    def give_up(self, error: RouterError) -> None:
        """End the calls that are under way."""
        for call in self._calls:
            call.on_loss(error)

    def close(self, error: RouterError) -> None:
        """Give up what is under way, and close the channel."""
        self.give_up(error)
        for offered, _ in self._offered.values():
            offered.drop()
        self._offered.clear()
        self.channel.close()


class Links:
    """All of them. ``lost`` hears of a channel that broke, before it is closed."""

    def __init__(self, budget: Budget, lost: Callable[[Link, UnreachableError], None]) -> None:
        self._budget = budget
        self._lost = lost
        self._links: list[Link] = []

    def __iter__(self) -> Iterator[Link]:
        return iter(tuple(self._links))

    def add(self, placed: Placed, sessions: set[str], own: ClientSession | None) -> Link:
        """Take over a build's channel. ``own`` is the session that was offered, None if it is over."""
        link = Link(placed, sessions)
        self._links.append(link)
        if placed.session is not None:
            if own is None:
                placed.session[0].drop()
                link.channel.end(placed.session[1])
            else:
                link.offer(own, *placed.session)
        return link

    def share(self, link: Link, session: ClientSession) -> None:
        """Offer a session to a link's daemon, unless it has it."""
        if not any(other.daemon.name == link.daemon.name and session.id in other.offered for other in self):
            offered = DaemonSession(self._budget)
            with suppress(ConnectionLostError):  # it is shutting down: its builds will notice
                link.offer(session, offered, offered.open(link.channel, session.offer))

    def withdraw(self, session_id: str) -> None:
        """The client has ended a session."""
        for link in self:
            link.withdraw(session_id)

    def step(self) -> bool:
        """Do everything that is possible without waiting; say whether anything moved."""
        moved = False
        for link in self:
            try:
                link.look_alive()
                moved |= link.channel.step()
            except UnreachableError as exc:
                moved = True
                self._links.remove(link)
                self._lost(link, exc)
                link.close(exc)
        return moved

    def register(self, poll: select.poll) -> float | None:
        """Register the descriptors to poll; return the longest wait in seconds."""
        return min((link.register(poll) for link in self), default=None)

    def waited(self, seconds: float) -> None:
        """Note that all channels were silent for so long."""
        for link in self:
            link.channel.waited(seconds)

    def tidy(self) -> None:
        """Close the channels of finished builds, once nothing more will come and no build uses their
        sessions."""
        for link in self:
            if not link.needed and link.silent and not self._is_shared(link):
                self._links.remove(link)
                link.close(OVER)

    def close(self) -> None:
        """Close all."""
        for link in self:
            link.close(OVER)
        self._links.clear()

    def _is_shared(self, link: Link) -> bool:
        others = (other for other in self if other is not link and other.daemon.name == link.daemon.name)
        return any(other.needed and not link.offered.isdisjoint(other.sessions) for other in others)
