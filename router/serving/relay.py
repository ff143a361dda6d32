"""A backend that forwards a client's request unchanged.

It makes no choices: it dials, waits for the build's turn, sends Solve, and hands the channel to the thread of
the client's connection. From then on that thread drives the build, and reports how it ended.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from router.backends import BackendContext
from router.backends.turn import Turn, before_solve
from router.errors import (
    BusyError,
    ColdError,
    ConnectionLostError,
    DialError,
    OverloadError,
    RouterError,
    RpcError,
)
from router.model.daemon import Daemon
from router.model.result import BuildResult
from router.retry import Pauses, persisting
from router.rpc import RpcCall
from router.rpc.channel import Channel
from router.rpc.events import Headers
from router.rpc.grpc import Status, metadata
from router.rpc.raw import RawCall, Taker
from router.serving.client import Memory
from router.serving.gathering import OneMessage
from router.serving.marking import with_options
from router.serving.pipes import Budget
from router.serving.sessions import DaemonSession
from router.solve.mark import mark_attrs
from router.solve.prepared import PreparedBuild
from router.solve.ref import ref_prefix
from router.transport import dial

__all__ = ["Placed", "Recorded", "Relay", "Relaying", "exists"]

# How long a daemon may take to forget a canceled build, and a session; seconds.
_FORGETS_REF_WITHIN, _FORGETS_SESSION_WITHIN = 12.0, 1.0
# If a daemon that lost a build does not refuse it within so many seconds, the build counts as accepted.
_REFUSES_WITHIN = 0.3


def exists(ref: str) -> str:
    """Return a daemon's error for the ref of a build that it has, or had a few seconds ago."""
    return f"job ID {ref} exists"


class Recorded:
    """A Taker that keeps the answer until another Taker is ready for it."""

    def __init__(self) -> None:
        self._told: list[Callable[[Taker], None]] = []
        self._ended_with = ""

    def on_head(self, headers: Headers) -> None:
        """Keep the head."""
        self._told.append(lambda taker: taker.on_head(headers))

    def on_data(self, data: memoryview) -> None:
        """Keep a part."""
        self._told.append(lambda taker: taker.on_data(data))

    def on_end(self, trailers: Headers) -> None:
        """Keep the end."""
        self._ended_with = metadata(trailers).get("grpc-message", [""])[0]
        self._told.append(lambda taker: taker.on_end(trailers))

    def on_reset(self, code: int) -> None:
        """Keep the reset."""
        self._told.append(lambda taker: taker.on_reset(code))

    def on_loss(self, error: RouterError) -> None:
        """Keep the loss."""
        self._told.append(lambda taker: taker.on_loss(error))

    def says(self, message: str) -> bool:
        """Whether the answer has ended with this message."""
        return message in self._ended_with

    def replay(self, taker: Taker) -> None:
        """Pass the whole answer to another Taker."""
        for tell in self._told:
            tell(taker)


class Placed:
    """A build that a daemon has. The receiver closes the channel, and calls ``settle`` when the build ends.

    ``again``: the daemon has lost the build before, and may refuse it now.
    """

    def __init__(
        self,
        daemon: Daemon,
        channel: Channel,
        solve: RawCall,
        session: tuple[DaemonSession, RpcCall] | None,
        *,
        again: bool = False,
    ) -> None:
        self.daemon = daemon
        self.channel = channel
        self.solve = solve
        self.session = session
        self.again = again
        self._settled = threading.Event()
        self._error: RouterError | None = None

    def settle(self, error: RouterError | None) -> None:
        """Set how the build ended; only the first call counts."""
        if not self._settled.is_set():
            self._error = error
            self._settled.set()

    @property
    def settled(self) -> bool:
        """Whether the result is known."""
        return self._settled.is_set()

    def wait(self) -> None:
        """Return when the build has succeeded. Raises the error that the build ended with."""
        # No time limit: the build may wait hours for its client, and the receiver always ends it.
        self._settled.wait()
        if self._error is not None:
            raise self._error


class Relaying:
    """What is forwarded: the ``request`` with the ``headers`` of its call, and the ``offer``, which are the
    headers of the Session call, None if the build has no session of its own. ``recorded``: the daemon keeps a
    record of the build in its history, and the record gets a mark.
    """

    def __init__(
        self,
        ref: str,
        request: bytes,
        headers: Headers,
        offer: Sequence[tuple[str, str]] | None,
        *,
        recorded: bool,
    ) -> None:
        self.ref = ref
        self.request = request
        self.headers = headers
        self.offer = offer
        self.recorded = recorded


class Relay:
    """One client's build, as a Backend."""

    def __init__(
        self,
        relaying: Relaying,
        budget: Budget,
        hand_over: Callable[[Placed], None],
        memory: Memory,
    ) -> None:
        self._relaying = relaying
        self._budget = budget
        self._hand_over = hand_over
        self._memory = memory
        self._had: dict[str, float] = {}
        self._lost_on: set[str] = set()
        self._handed_over = False

    def build(self, _build: PreparedBuild, daemon: Daemon, context: BackendContext) -> BuildResult:
        """Build on a new connection; see ``Backend.build``."""
        deadline = time.monotonic() + context.dial.timeout
        stream = dial(daemon.address, context.dial)
        channel = Channel(stream, peer=daemon.peer, cancellation=context.cancellation)
        try:
            placed = self._begin(channel, daemon, context, deadline)
        except BaseException as exc:
            channel.close()
            if isinstance(exc, ConnectionLostError):
                self._lost_on.add(daemon.name)
            raise
        self._hand_over(placed)
        self._handed_over = True
        try:
            placed.wait()
        except (ConnectionLostError, OverloadError):
            self._lost_on.add(daemon.name)
            raise
        return BuildResult(
            daemon=daemon.name, address=daemon.address, ref=self._relaying.ref, key=context.key
        )

    def command(self, _build: PreparedBuild, _daemon: Daemon, _context: BackendContext) -> Sequence[str]:
        """Return nothing: only the client knows its command line."""
        return ()

    def _begin(self, channel: Channel, daemon: Daemon, context: BackendContext, deadline: float) -> Placed:
        session: tuple[DaemonSession, RpcCall] | None = None
        try:
            with before_solve():
                turn = self._ask_for_turn(channel, daemon, context)
                session = self._offer_session(channel)
                if turn is not None:
                    channel.handshake(deadline - time.monotonic())
            if turn is None:
                solve = self._solve(channel, daemon, context, turn)
                channel.handshake(deadline - time.monotonic())
            else:
                with self._memory.gate(daemon.name):
                    with before_solve():
                        turn.ask(deadline)
                    solve = self._solve(channel, daemon, context, turn)
        except (BusyError, ColdError):
            self._take_back(channel, session)
            raise
        return Placed(daemon, channel, solve, session, again=daemon.name in self._lost_on)

    def _solve(self, channel: Channel, daemon: Daemon, context: BackendContext, turn: Turn | None) -> RawCall:
        """Send Solve; with a turn, wait until the daemon lists the build. Raises ``BusyError``.

        A daemon remembers the ref of a canceled build for 10 s, and refuses the build until then.
        """
        message = self._relaying.request
        if self._relaying.recorded and context.mark is not None:
            message = with_options(message, mark_attrs(context.mark))
        refused = exists(self._relaying.ref)
        end = self._had.get(daemon.name, 0.0) + _FORGETS_REF_WITHIN

        def once() -> RawCall:
            answer = Recorded()
            solve = channel.begin(self._relaying.headers, answer, OneMessage(message))
            channel.end(solve)
            # A build without a record is not waited for: it needs its client's next call, which waits for us.
            if turn is not None and self._relaying.recorded:
                turn.take(solve)
            if daemon.name in self._lost_on:
                self._require_acceptance(channel, solve, answer, daemon)
            if answer.says(refused) and time.monotonic() < end:
                raise RpcError(refused, code=Status.ALREADY_EXISTS)
            return solve

        pauses = Pauses(first=0.2, longest=0.5, sleep=context.cancellation.sleep)
        try:
            return persisting(once, again=lambda error, _: isinstance(error, RpcError), pauses=pauses)
        finally:
            self._had[daemon.name] = time.monotonic()

    def _require_acceptance(self, channel: Channel, solve: RawCall, answer: Recorded, daemon: Daemon) -> None:
        """Raise ``DialError`` if the daemon refuses at once because it still has the lost build."""
        with suppress(DialError):
            channel.run(lambda: solve.done, timeout=_REFUSES_WITHIN)
        if answer.says(exists(self._relaying.ref)):
            raise DialError(f"{daemon.name} still has the build that was lost there", temporary=True)

    def _take_back(self, channel: Channel, session: tuple[DaemonSession, RpcCall] | None) -> None:
        """Have the daemon forget the session: else its end would end a later session of the same ID too."""
        if session is not None:
            offered, call = session
            offered.drop()
            channel.end(call)
            with suppress(DialError, ConnectionLostError):  # the session ends with the connection anyway
                channel.run(lambda: call.done, timeout=_FORGETS_SESSION_WITHIN)

    def _ask_for_turn(self, channel: Channel, daemon: Daemon, context: BackendContext) -> Turn | None:
        if not context.max_builds:
            return None
        asks = context.warm_only and not self._memory.knows(daemon.name, context.key)
        return Turn(
            channel,
            daemon=daemon.name,
            bound=context.max_builds,
            ref=self._relaying.ref,
            prefix=ref_prefix(context.key) if asks else "",
        )

    def _offer_session(self, channel: Channel) -> tuple[DaemonSession, RpcCall] | None:
        """Open the session before Solve, because the daemon may call it at once; those calls are held."""
        # Later attempts get their sessions from ``Links``, which knows which ones a daemon already has.
        if self._relaying.offer is None or self._handed_over:
            return None
        session = DaemonSession(self._budget)
        return session, session.open(channel, self._relaying.offer)
