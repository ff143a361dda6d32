"""The builds of one client: each joined from its Solve, its sessions, and the calls that name it.

All of it happens in the thread that has the client's connection, save that each build has a thread of its own
that looks for a daemon. What comes before the build it names is held, as long as buildkitd would.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from functools import partial
from typing import Protocol

from router.bounds import shortened
from router.build import Relayed
from router.cancellation import Cancellation
from router.errors import CancelledError, RouterError, RpcError, UnreachableError
from router.model.events import Event, Notice
from router.placement.key import Key
from router.rpc.events import Http2Error
from router.rpc.grpc import Status
from router.serving.asked import Asked, read_asked, session_key
from router.serving.client import Client
from router.serving.links import OVER, Link, Links
from router.serving.relay import Placed, Recorded, Relay, Relaying
from router.serving.sessions import ClientSession
from router.serving.solving import Answer
from router.serving.splice import Progress, Splice
from router.serving.waiting import Ping, WaitingStep

__all__ = ["Build", "Builds"]

# How long buildkitd waits for a session that a build names, in seconds.
_SESSION_WAIT = 5.0
# When a client is shown that its build waits, and when its Pings are answered here, which wait 15 s; seconds.
_SHOWN_AFTER, _PING_AFTER = 1.0, 8.0
# How long a daemon may take with the rest, such as the progress, when its build is over.
_GRACE = 5.0
# One client's: `bake` has a build for each target.
_MOST_BUILDS, _MOST_SESSIONS, _MOST_HELD = 100, 100, 200
# Of what is told of a build before the client is shown that it waits.
_MOST_TOLD = 20
# Refs of builds that are over, for calls that come late.
_MOST_OVER = 1000
# Characters of a session's id that are repeated to whoever sent it.
_LONGEST_ID = 100


class Build:
    """One build: ``solve`` is the client's call, ``waiting`` are those that go to its daemon.

    ``gone`` hears when the client gives it up.
    """

    def __init__(self, asked: Asked, message: bytes, solve: Splice, gone: Callable[[Build], None]) -> None:
        self._gone = gone
        self.asked = asked
        self.message = message
        self.solve = solve
        self.sessions = {asked.session, *asked.other_sessions} - {""}
        self.waiting: list[Splice] = []
        self.cancellation = Cancellation()
        self.thread: threading.Thread | None = None
        self.placed: Placed | None = None
        self.link: Link | None = None
        self.over = False
        self.began = time.monotonic()
        self.told: list[str] = []
        self.step: WaitingStep | None = None

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Its client has said all it may."""

    def drop(self) -> None:
        """Its client gives it up."""
        self._gone(self)


class _Settles(Protocol):
    """Does what waits for sessions, where they are there or it is too late; says whether it did."""

    def __call__(self, *, late: bool = False) -> bool: ...


class Builds:
    """Takes what concerns builds; ``links`` are the channels to step."""

    def __init__(self, client: Client) -> None:
        self.links = Links(client.budget, self._lost)
        self._client = client
        self._builds: dict[str, Build] = {}
        self._sessions: dict[str, ClientSession] = {}
        self._held: dict[str, list[Splice]] = {}
        self._named: dict[str, set[str]] = {}
        self._awaited: dict[int, _Settles] = {}
        self._awaits = 0
        self._over: dict[str, None] = {}
        self._closed = False

    # -- what the client calls

    def solve(self, message: bytes, solve: Splice) -> Build | None:
        """Begin a build, as soon as its session is there; None where it is refused."""
        client = self._client
        try:
            asked = read_asked(memoryview(message), client.services.key)
        except Http2Error as exc:
            solve.refuse(Status.INVALID_ARGUMENT, str(exc))
            return None
        if client.shared.draining:
            solve.refuse(Status.UNAVAILABLE, "warmroute serve is shutting down and takes no more builds")
        elif len(self._builds) >= _MOST_BUILDS:
            solve.refuse(Status.RESOURCE_EXHAUSTED, f"one client has {_MOST_BUILDS} builds at most")
        elif not asked.ref:
            solve.refuse(Status.INVALID_ARGUMENT, "the build has no ref")
        elif asked.ref in self._builds or not client.shared.memory.begins(asked.ref, client.who):
            solve.refuse(Status.UNKNOWN, f"job ID {asked.ref} exists")
        else:
            build = self._builds[asked.ref] = Build(asked, message, solve, self._cancel)
            build.waiting = self._held.pop(asked.ref, [])
            build.sessions |= self._named.pop(asked.ref, set())
            client.budget.take(len(message))
            self.when_open(build.sessions, partial(self._begin, build), partial(self._refuse, build))
            return build
        return None

    def open_session(self, session: ClientSession) -> bool:
        """Take a session; False where it can't be."""
        if not session.id or session.id in self._sessions or len(self._sessions) >= _MOST_SESSIONS:
            return False
        self._sessions[session.id] = session
        for number, is_settled in tuple(self._awaited.items()):
            if is_settled():
                del self._awaited[number]
        return True

    def when_open(
        self, sessions: Collection[str], then: Callable[[], None], otherwise: Callable[[int, str], None]
    ) -> None:
        """Do something once the client has these sessions open, something else where that takes too long.

        A daemon may have sessions of others: who could name them would get at their files and secrets.
        """

        def is_settled(*, late: bool = False) -> bool:
            missing = next((each for each in sessions if each not in self._sessions), None)
            if missing is None:
                then()
            elif late:
                otherwise(Status.UNKNOWN, f"no active session for {shortened(missing, _LONGEST_ID)}")
            return late or missing is None

        if is_settled():
            return
        if len(self._awaited) >= _MOST_HELD:
            is_settled(late=True)
            return
        number = self._awaits = self._awaits + 1
        self._awaited[number] = is_settled
        self._client.timers.after(_SESSION_WAIT, partial(self._too_late, number))

    def end_session(self, session: ClientSession) -> None:
        """The client has ended a session."""
        if self._sessions.get(session.id) is session:
            del self._sessions[session.id]
            self.links.withdraw(session.id)

    def follow(self, ref: str, call: Splice, wait: float, otherwise: Callable[[], None]) -> None:
        """Pass a call on to the daemon that has a build; ``otherwise`` where no such build comes in time."""
        build = self._builds.get(ref)
        if build is None:
            held = self._held.setdefault(ref, [])
            if ref in self._over or sum(map(len, self._held.values())) >= _MOST_HELD:
                wait = 0.0
            held.append(call)
            self._client.timers.after(wait, partial(self._give_up, ref, call, otherwise))
        elif build.link is not None:
            build.link.take(call)
        else:
            build.waiting.append(call)
            if isinstance(call, Progress) and build.step is not None:
                call.tell(build.step.so_far())
            elif time.monotonic() - build.began >= _PING_AFTER:
                self._answer_pings(build)

    def name_sessions(self, ref: str, sessions: tuple[str, ...]) -> None:
        """A client names more sessions that its build's daemon may call."""
        build = self._builds.get(ref)
        if build is None:
            if len(self._named) < _MOST_HELD:
                self._named.setdefault(ref, set()).update(sessions[:_MOST_SESSIONS])
            return
        build.sessions.update(sessions[:_MOST_SESSIONS])
        if build.link is not None:
            self._share(build, build.link)

    @property
    def has_sessions(self) -> bool:
        """Whether the client has a session open: it is about to build, or does."""
        return bool(self._sessions)

    @property
    def under_way(self) -> bool:
        """Whether a build is."""
        return bool(self._builds)

    @property
    def latest(self) -> Link | None:
        """The channel of the build that began last, of those that go on."""
        return next((link for link in reversed(tuple(self.links))), None)

    def close(self) -> tuple[threading.Thread, ...]:
        """The client is gone: cancel everything. Return the threads to be joined."""
        self._closed = True
        builds = tuple(self._builds.values())
        for build in builds:
            self._cancel(build)
        self.links.close()
        return tuple(build.thread for build in builds if build.thread is not None)

    # -- the course of a build

    def _begin(self, build: Build) -> None:
        """Look for a daemon, unless that has begun, or the client has given up."""
        if build.thread is not None or build.over:
            return
        client, asked = self._client, build.asked
        client.timers.after(_SHOWN_AFTER, partial(self._show_waiting, build))
        client.timers.after(_PING_AFTER, partial(self._answer_pings, build))
        session = self._sessions.get(asked.session)
        shared = any(asked.session in other.sessions for other in self._builds.values() if other is not build)
        offer = session.offer if session is not None and not shared else None
        key = asked.key or self._key_of(session)
        relay = Relay(
            Relaying(asked.ref, build.message, build.solve.headers, offer, recorded=not asked.internal),
            client.budget,
            hand_over=lambda placed: client.post(partial(self._placed, build, placed)),
            memory=client.shared.memory,
        )
        relayed = Relayed(key=key, platforms=asked.platforms, bounded=not asked.probe)
        build.thread = threading.Thread(
            target=self._carry, args=(build, relayed, relay), name=f"build {asked.ref}", daemon=True
        )
        build.thread.start()

    def _key_of(self, session: ClientSession | None) -> Key:
        if session is None:
            return session_key("", "", self._client.who)
        return session_key(session.shared_key, session.name, self._client.who)

    def _carry(self, build: Build, relayed: Relayed, relay: Relay) -> None:
        """Have the build done, in the build's own thread."""
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
        except Exception as exc:  # noqa: BLE001 - whatever it is, the client must not wait for ever
            error = RouterError(f"the build could not be passed on: {type(exc).__name__}")
            error.__cause__ = exc
        services.board.ended(ref, error)
        self._client.post(partial(self._carried, build, error))

    def _hear(self, build: Build, event: Event) -> None:
        """Take what is told of a build, in the build's own thread."""
        self._client.hear(event)
        self._client.services.board.heard(build.asked.ref, event)
        if isinstance(event, Notice) and event.level != "verbose" and build.placed is None:
            self._client.post(partial(self._tell, build, event.text))

    def _tell(self, build: Build, text: str) -> None:
        """Show the client what its build waits for."""
        if build.placed is not None or build.over:
            return
        if build.step is None:
            build.told = [*build.told, text][-_MOST_TOLD:]
        else:
            self._show(build, build.step.line(text))

    def _show_waiting(self, build: Build) -> None:
        """Show the client that its build waits, where it still does."""
        if build.placed is None and not build.over:
            build.step = step = WaitingStep()
            for text in build.told:
                step.line(text)
            self._show(build, step.so_far())

    def _show(self, build: Build, message: bytes) -> None:
        for call in build.waiting:
            if isinstance(call, Progress):
                call.tell(message)

    def _answer_pings(self, build: Build) -> None:
        for call in build.waiting:
            if isinstance(call, Ping):
                call.answer()

    def _placed(self, build: Build, placed: Placed) -> None:
        """Take over the channel of a build that a daemon has."""
        if build.over or self._closed:
            placed.settle(CancelledError("the client is gone"))
            placed.channel.close()
            return
        build.placed = placed
        self._client.services.placed(build.asked.ref, placed.daemon)
        own = self._sessions.get(build.asked.session)
        link = build.link = self.links.add(placed, build.sessions, own)
        self._share(build, link)
        answer = Answer(build.solve, placed)
        recorded, placed.solve.taker = placed.solve.taker, answer
        build.solve.adopt(link.channel, placed.solve)
        assert isinstance(recorded, Recorded)
        recorded.replay(answer)
        if build.step is not None:
            self._show(build, build.step.end())
        waiting, build.waiting = build.waiting, []
        for call in waiting:
            link.take(call)

    def _share(self, build: Build, link: Link) -> None:
        for session_id in build.sessions:
            if (session := self._sessions.get(session_id)) is not None:
                self.links.share(link, session)

    def _lost(self, link: Link, error: UnreachableError) -> None:
        """A channel broke: its build is lost, and others need its sessions by their own channels."""
        for build in self._builds.values():
            if build.link is link and build.placed is not None:
                build.placed.settle(error)
            elif build.link is not None and build.link.daemon.name == link.daemon.name:
                self._share(build, build.link)

    def _carried(self, build: Build, error: RouterError | None) -> None:
        """The build's thread is done."""
        self._finish(build, error)
        build.cancellation.close()

    def _too_late(self, number: int) -> None:
        if (is_settled := self._awaited.pop(number, None)) is not None:
            is_settled(late=True)

    def _refuse(self, build: Build, code: int, message: str) -> None:
        self._finish(build, RpcError(message, code=code))

    def _cancel(self, build: Build) -> None:
        self._finish(build, CancelledError("the client gave the build up"))

    def _finish(self, build: Build, error: RouterError | None) -> None:
        """The build is over; the first word counts."""
        if build.over:
            return
        build.over = True
        self._client.budget.give(len(build.message))
        build.message = b""
        if build.thread is None:
            build.cancellation.close()
        build.cancellation.cancel("the client gave it up")
        if build.placed is not None:
            build.placed.settle(error)
        if error is not None:
            build.solve.on_loss(error)
        for call in build.waiting:
            call.on_loss(error or OVER)
        if (link := build.link) is not None:
            link.needed = False
            grace = 0.0 if isinstance(error, CancelledError) else _GRACE
            self._client.timers.after(grace, lambda: link.give_up(OVER))
        del self._builds[build.asked.ref]
        self._over[build.asked.ref] = None
        if len(self._over) > _MOST_OVER:
            del self._over[next(iter(self._over))]

    def _give_up(self, ref: str, call: Splice, otherwise: Callable[[], None]) -> None:
        held = self._held.get(ref, [])
        if call in held:
            held.remove(call)
            if not held:
                del self._held[ref]
                self._named.pop(ref, None)
            if not call.over:
                otherwise()
