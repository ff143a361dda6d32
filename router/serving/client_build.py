"""One build of a client: its request, the daemon that has it, and the progress that its client sees.

If the daemon loses the build, it starts again on another one, unless something has happened that can't be
done twice: see ``one_time`` for calls of the client's session, ``bridge_messages`` for its frontend's calls.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from router.build import Relayed
from router.cancellation import Cancellation
from router.errors import BuildError, ConnectionLostError, DialError, OverloadError, RouterError, RpcError
from router.faults import fault_of
from router.model.frozen import frozen
from router.rpc.events import Http2Error
from router.serving.asked import Asked
from router.serving.bridge import Bridge, OtherwiseError
from router.serving.bridge_calls import BridgeCall, BridgeStream
from router.serving.client import Client
from router.serving.gathering import Answer, Gathering
from router.serving.links import OVER, Link
from router.serving.not_retried import NotRetriedError
from router.serving.progress import Progress
from router.serving.relay import Placed, Recorded, exists
from router.serving.splice import Splice
from router.serving.waiting import Ping, WaitingStep, retried

__all__ = ["Build", "Hears"]

# The last messages about a build, before its client sees that it waits.
_MOST_TOLD = 20
# Seconds until a client sees that its build waits, and until its Pings are answered here: they time out after
# 15 s.
_SHOWN_AFTER, _PING_AFTER = 1.0, 8.0


@frozen
class Hears:
    """Callbacks of a build: ``gone`` if its client gives it up, ``lost`` if its daemon loses it."""

    gone: Callable[[Build], None]
    lost: Callable[[Build, Placed, RouterError], None]


class Build:
    """``solve`` is the client's Solve, ``waiting`` the calls that wait for a daemon.

    ``placed`` and ``link`` belong to the current daemon; they are None while there is none.
    """

    def __init__(self, asked: Asked, message: bytes, solve: Splice, client: Client, hears: Hears) -> None:
        self.asked = asked
        self.message = message
        self.solve = solve
        self.sessions = {asked.session, *asked.other_sessions} - {""}
        self.waiting: list[Splice] = []
        self.cancellation = Cancellation()
        self.thread: threading.Thread | None = None
        self.relayed: Relayed | None = None
        self.placed: Placed | None = None
        self.link: Link | None = None
        self.over = False
        self._client = client
        self._hears = hears
        self._bridge = Bridge(client.budget, lost=self._lost, loses=self._loses)
        self._refusal: Answer | None = None
        self._loss: tuple[str, str] | None = None
        self._waits_since = 0.0
        self._told: list[str] = []
        self._step: WaitingStep | None = None

    # -- the client's call

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Ignore it: the request is complete."""

    def drop(self) -> None:
        """Cancel the build: its client gave it up."""
        self._hears.gone(self)

    def is_based_on(self, other: Build) -> bool:
        """Say whether the client bases this build on a result of another one."""
        return other is not self and not self.asked.linked.isdisjoint(other.configs)

    @property
    def configs(self) -> frozenset[str]:
        """The digests of the image configs that its frontend got; none if an answer is malformed."""
        try:
            return self._bridge.configs
        except Http2Error:
            return frozenset()

    # -- while it waits for a daemon

    def waits(self) -> None:
        """Begin to wait for a daemon; the client is told if that takes a while."""
        self._waits_since = time.monotonic()
        self._told = []
        self._client.timers.after(_SHOWN_AFTER, self._show_waiting)
        self._client.timers.after(_PING_AFTER, self._answer_pings)

    def tell(self, text: str) -> None:
        """Show the client a message about the search for a daemon."""
        if self.placed is not None or self.over:
            return
        if self._step is None:
            self._told = [*self._told, text][-_MOST_TOLD:]
        else:
            self._show(self._step.line(text))

    def take(self, call: Splice) -> None:
        """Connect a call to the daemon, now or once there is one."""
        if isinstance(call, BridgeCall | BridgeStream):
            call.join(self._bridge)
        if self.link is not None and (self._bridge.open or isinstance(call, Progress)):
            self.link.take(call)
            return
        self.waiting.append(call)
        if isinstance(call, Progress) and self._step is not None:
            call.tell(self._step.so_far())
        elif time.monotonic() - self._waits_since >= _PING_AFTER:
            self._answer_pings()

    def _show_waiting(self) -> None:
        if self.placed is None and self._step is None and not self.over:
            self._step = step = WaitingStep()
            for text in self._told:
                step.line(text)
            self._show(step.so_far())

    def _show(self, message: bytes) -> None:
        for call in self.waiting:
            if isinstance(call, Progress):
                call.tell(message)

    def _answer_pings(self) -> None:
        if self.placed is None:
            for call in self.waiting:
                if isinstance(call, Ping):
                    call.answer()

    # -- while a daemon has it

    def begins(self, placed: Placed, link: Link) -> None:
        """Take the daemon's answer, repeat the frontend's answered calls, and connect the waiting ones."""
        self.placed, self.link = placed, link
        peer, budget = placed.channel.peer, self._client.budget
        answer = Gathering("Solve", peer, budget, heard=self._solved, lost=self._lost)
        recorded, placed.solve.taker = placed.solve.taker, answer
        self.solve.adopt(link.channel, placed.solve)
        assert isinstance(recorded, Recorded)
        recorded.replay(answer)
        if self._step is not None:
            self._show(self._step.end())
            self._step = None
        if self._loss is not None:
            lost, why = self._loss
            self._show(retried(lost, placed.daemon.name, why))
        waiting, self.waiting = self.waiting, []
        for call in waiting:
            if isinstance(call, Progress):
                link.take(call)
            else:
                self.waiting.append(call)
        self._bridge.replay(placed, self._goes_on)

    def leaves(self, error: RouterError) -> RouterError:
        """Leave the daemon that has lost the build, and take unanswered calls back.

        Return the error, or ``NotRetriedError`` if the build can't be retried.
        """
        assert self.placed is not None
        assert self.link is not None
        why = str(error) if isinstance(error, OtherwiseError) else self._hindrance
        if isinstance(error, OtherwiseError) and self._loss is not None:
            error = ConnectionLostError(self._loss[1])
        if why:
            error = NotRetriedError(error, why)
        elif not isinstance(error, DialError):
            self._loss = (self.placed.daemon.name, str(error))
        self.solve.disconnect()
        self._bridge.stop()
        self.waiting += self.link.release(error)
        self.placed = self.link = None
        self.waits()
        return error

    def ends(self, error: RouterError | None) -> None:
        """End the build's remaining calls."""
        self.over = True
        self._bridge.forget()
        if isinstance(error, OverloadError) and self._refusal is not None:
            self._refusal.pass_on(self.solve)  # it has details, such as the line of the Dockerfile
        elif error is not None:
            self.solve.on_loss(error)
        for call in self.waiting:
            call.on_loss(error or OVER)
        if self.link is not None:
            self.link.settle()

    @property
    def _hindrance(self) -> str:
        """The reason why the build can't be retried, empty if it can."""
        if self._bridge.failed:
            return "its client had given it up with an error"
        for each in sorted(self.sessions):
            session = self._client.sessions.get(each)
            if session is None:
                return "its client had ended its session"
            if session.once:
                return session.once
        return self._bridge.hindrance

    def _goes_on(self) -> None:
        """Connect the frontend's waiting calls: the replay is complete."""
        if self.link is not None:
            waiting, self.waiting = self.waiting, []
            for call in waiting:
                self.link.take(call)

    def _solved(self, answer: Answer) -> None:
        """Pass the answer to Solve on, unless it means that the daemon has lost the build."""
        assert self.placed is not None
        error = answer.error
        if error is not None and self._loses(error):
            self._refusal = answer
            return
        answer.pass_on(self.solve)
        if self.link is not None:
            self.link.settle()
        if error is not None and fault_of(error) == "overload":
            self.placed.settle(self._has_no_room(error))
        else:
            self.placed.settle(None if error is None else BuildError(f"failed to solve: {error}"))

    def _loses(self, error: RpcError) -> bool:
        """Say whether a daemon's error means that it has lost the build; if so, report the loss."""
        assert self.placed is not None
        daemon = self.placed.daemon
        fault = fault_of(error)
        if self.placed.again and exists(self.asked.ref) in str(error):
            said = f"{daemon.name} still has the build that was lost there"
            self._lost(DialError(said, temporary=True))
        elif fault == "lost" and not self._bridge.failed:
            said = f"{self.placed.channel.peer} broke off: {error}"
            self._lost(ConnectionLostError(said, temporary=True))
        elif fault == "overload" and not self._hindrance:
            self._lost(self._has_no_room(error))
        else:
            return False
        return True

    def _has_no_room(self, error: RpcError) -> OverloadError:
        assert self.placed is not None
        return OverloadError(f"{self.placed.daemon.name} has no room for it: {error}")

    def _lost(self, error: RouterError) -> None:
        if self.placed is not None:
            self._hears.lost(self, self.placed, error)
