"""The builds of one client: each is put together from its Solve, its sessions, and the calls that name it.

All of it happens in the thread of the client's connection, except for the search for a daemon: each build has
a thread of its own for that. A call that arrives before the build it names is held for as long as buildkitd
would hold it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from functools import partial

from router.build import Relayed
from router.errors import CancelledError, RouterError, RpcError, UnreachableError
from router.model.events import Event, Notice
from router.placement.key import Key
from router.rpc.events import Http2Error
from router.rpc.grpc import Status
from router.serving.asked import read_asked, session_key
from router.serving.client import Client
from router.serving.client_build import Build, Hears
from router.serving.held_calls import HeldCalls
from router.serving.links import OVER, Link, Links
from router.serving.relay import Placed, Relay, Relaying
from router.serving.sessions import ClientSession
from router.serving.splice import Splice

__all__ = ["Builds"]

# How long a daemon may take to send the rest, such as the progress, after its build has ended; seconds.
_GRACE = 5.0
# Limits for one client: `bake` has a build for each target, and each names some sessions.
_MOST_BUILDS, _MOST_NAMED = 100, 100


class Builds:
    """Takes the calls that concern builds; ``links`` are the channels to step."""

    def __init__(self, client: Client) -> None:
        self.links = Links(client.budget, self._lost)
        self._client = client
        self._builds: dict[str, Build] = {}
        self._held = HeldCalls(client.timers)
        self._hears = Hears(gone=self._cancel, lost=self._leaves)
        self._closed = False

    # -- what the client calls

    def solve(self, message: bytes, solve: Splice, host: str = "") -> Build | None:
        """Start a build once its session is open; return None if the build is refused.

        ``host`` is the key that is part of the host name by which the client calls the endpoint.
        """
        client = self._client
        try:
            asked = read_asked(memoryview(message), client.services.key, host)
        except Http2Error as exc:
            solve.refuse(Status.INVALID_ARGUMENT, str(exc))
            return None
        if client.shared.draining:
            solve.refuse(Status.UNAVAILABLE, "warmroute serve is shutting down and accepts no new builds")
        elif len(self._builds) >= _MOST_BUILDS:
            solve.refuse(
                Status.RESOURCE_EXHAUSTED, f"a client can have at most {_MOST_BUILDS} builds at a time"
            )
        elif not asked.ref:
            solve.refuse(Status.INVALID_ARGUMENT, "the build has no ref")
        elif asked.ref in self._builds or not client.shared.memory.begins(asked.ref, client.circle):
            solve.refuse(Status.UNKNOWN, f"job ID {asked.ref} exists")
        else:
            build = self._builds[asked.ref] = Build(asked, message, solve, client, self._hears)
            held, named = self._held.begins(asked.ref)
            build.sessions |= named
            build.waits()
            for call in held:
                build.take(call)
            client.budget.take(len(message))
            self.when_open(build.sessions, partial(self._begin, build), partial(self._refuse, build))
            return build
        return None

    def open_session(self, session: ClientSession) -> bool:
        """Add a session; return False if its ID is missing or in use."""
        return self._client.sessions.add(session)

    def when_open(
        self, sessions: Collection[str], then: Callable[[], None], otherwise: Callable[[int, str], None]
    ) -> None:
        """Call ``then`` once these sessions are open; see ``OpenSessions.when_open``."""
        self._client.sessions.when_open(sessions, then, otherwise)

    def end_session(self, session: ClientSession) -> None:
        """Forget a session that the client has ended."""
        if self._client.sessions.remove(session):
            self.links.withdraw(session.id)

    def follow(self, ref: str, call: Splice, wait: float, otherwise: Callable[[], None]) -> None:
        """Forward a call to the daemon of a build; call ``otherwise`` if no such build starts in time."""
        build = self._builds.get(ref)
        if build is None:
            self._held.hold(ref, call, wait, otherwise)
        else:
            build.take(call)

    def name_sessions(self, ref: str, sessions: tuple[str, ...]) -> None:
        """Let the build's daemon call more sessions, which the client has named."""
        build = self._builds.get(ref)
        if build is None:
            self._held.name_sessions(ref, sessions[:_MOST_NAMED])
            return
        build.sessions.update(sessions[:_MOST_NAMED])
        if build.link is not None:
            self._share(build, build.link)

    @property
    def has_sessions(self) -> bool:
        """Whether the client has an open session: it is building, or about to."""
        return len(self._client.sessions) > 0

    @property
    def under_way(self) -> bool:
        """Whether a build is in flight."""
        return bool(self._builds)

    @property
    def latest(self) -> Link | None:
        """The channel of the build that started last, of those in flight."""
        return next((link for link in reversed(tuple(self.links))), None)

    def close(self) -> tuple[threading.Thread, ...]:
        """Cancel everything, because the client has disconnected. Return the threads to join."""
        self._closed = True
        builds = tuple(self._builds.values())
        for build in builds:
            self._cancel(build)
        self.links.close()
        return tuple(build.thread for build in builds if build.thread is not None)

    # -- the course of a build

    def _begin(self, build: Build) -> None:
        """Look for a daemon, unless the search has started already or the build is over."""
        if build.thread is not None or build.over:
            return
        client, asked = self._client, build.asked
        session = client.sessions.get(asked.session)
        shared = any(asked.session in other.sessions for other in self._builds.values() if other is not build)
        offer = session.offer if session is not None and not shared else None
        relay = Relay(
            Relaying(asked.ref, build.message, build.solve.headers, offer, recorded=not asked.internal),
            client.budget,
            hand_over=lambda placed: client.post(partial(self._placed, build, placed)),
            memory=client.shared.memory,
        )
        relayed = build.relayed = self._beside_its_base(build) or Relayed(
            key=asked.key or self._key_of(session), platforms=asked.platforms, bounded=not asked.probe
        )
        build.thread = threading.Thread(
            target=self._carry, args=(build, relayed, relay), name=f"build {asked.ref}", daemon=True
        )
        build.thread.start()

    def _beside_its_base(self, build: Build) -> Relayed | None:
        """Return the place of a bake's linked target: beside the target it is based on; None without one.

        The base does not end before the linked target has sent its steps, so the linked target must not wait
        for the base to free its place.
        """
        if not build.asked.linked:
            return None
        for base in self._builds.values():
            if base.placed is not None and base.relayed is not None and build.is_based_on(base):
                return Relayed(
                    key=Key(key=base.relayed.key.key, rule="linked"),
                    beside=base.placed.daemon.name,
                    platforms=build.asked.platforms,
                    bounded=False,
                )
        return None

    def _key_of(self, session: ClientSession | None) -> Key:
        if session is None:
            return session_key("", "", self._client.who)
        return session_key(session.shared_key, session.name, self._client.who)

    def _carry(self, build: Build, relayed: Relayed, relay: Relay) -> None:
        """Carry the build out, in the build's own thread."""
        services, ref = self._client.services, build.asked.ref
        error: RouterError | None = None
        if not build.asked.probe:
            services.board.begins(ref, relayed.key, self._client.who)
        try:
            result = services.router.relay(
                relayed, relay, on_event=partial(self._hear, build), cancellation=build.cancellation
            )
            self._client.shared.memory.built(result.daemon, relayed.key.key)
        except RouterError as exc:
            error = exc
        except Exception as exc:  # noqa: BLE001 - whatever it is, the client must not wait forever
            error = RouterError(f"warmroute serve could not forward the build: {type(exc).__name__}")
            error.__cause__ = exc
        services.board.ended(ref, error)
        self._client.post(partial(self._carried, build, error))

    def _hear(self, build: Build, event: Event) -> None:
        """Take an event of a build, in the build's own thread."""
        self._client.hear(event)
        self._client.services.board.heard(build.asked.ref, event)
        if isinstance(event, Notice) and event.level != "verbose" and build.placed is None:
            self._client.post(partial(build.tell, event.text))

    def _placed(self, build: Build, placed: Placed) -> None:
        """Take over the channel of a build that a daemon has accepted."""
        if build.over or self._closed:
            placed.settle(CancelledError("the client disconnected"))
            placed.channel.close()
            return
        self._client.services.placed(build.asked.ref, placed.daemon)
        own = self._client.sessions.get(build.asked.session)
        link = self.links.add(placed, build.sessions, own)
        self._share(build, link)
        build.begins(placed, link)

    def _share(self, build: Build, link: Link) -> None:
        for session_id in build.sessions:
            if (session := self._client.sessions.get(session_id)) is not None:
                self.links.share(link, session)

    def _lost(self, link: Link, error: UnreachableError) -> None:
        """Handle a broken channel: its build is lost, and others need its sessions on their channels."""
        for build in tuple(self._builds.values()):
            if build.link is link and build.placed is not None:
                self._begins_again(build, build.placed, error)
            elif build.link is not None and build.link.daemon.name == link.daemon.name:
                self._share(build, build.link)

    def _leaves(self, build: Build, placed: Placed, error: RouterError) -> None:
        """Handle a loss that a daemon reported, but only after its channel has delivered all events."""
        self._client.timers.after(0.0, partial(self._begins_again, build, placed, error))

    def _begins_again(self, build: Build, placed: Placed, error: RouterError) -> None:
        """Have the build's thread find another daemon for a lost build, or end the build."""
        if build.placed is placed and not (build.over or placed.settled):
            placed.settle(build.leaves(error))

    def _carried(self, build: Build, error: RouterError | None) -> None:
        """End a build whose thread has ended."""
        self._finish(build, error)
        build.cancellation.close()

    def _refuse(self, build: Build, code: int, message: str) -> None:
        self._finish(build, RpcError(message, code=code))

    def _cancel(self, build: Build) -> None:
        self._finish(build, CancelledError("the client canceled the build"))

    def _finish(self, build: Build, error: RouterError | None) -> None:
        """End a build, unless it has ended already."""
        if build.over:
            return
        self._client.budget.give(len(build.message))
        build.message = b""
        if build.thread is None:
            build.cancellation.close()
        build.cancellation.cancel("the client canceled it")
        if build.placed is not None:
            build.placed.settle(error)
        build.ends(error)
        if (link := build.link) is not None:
            link.needed = False
            grace = 0.0 if isinstance(error, CancelledError) else _GRACE
            self._client.timers.after(grace, lambda: link.give_up(OVER))
        del self._builds[build.asked.ref]
        self._held.ended(build.asked.ref)
