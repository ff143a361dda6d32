"""A question to several daemons at once: a thread for each, and one thread that reads the answers."""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from math import inf

from router.cancellation import Cancellation
from router.closing import Closing
from router.errors import CancelledError, RouterError, RpcError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.rpc import RpcChannel
from router.rpc.contract import MessageHandler
from router.rpc.grpc import Status
from router.serving.peers import Peers
from router.solve.control import INFO, Control

__all__ = ["Line", "Question", "Task", "Told"]

# The limit in bytes for unread answers of all daemons; then the daemons wait. A client may read slowly.
_MOST_HELD = 4 << 20
_COST_OF_A_MESSAGE = 200


@frozen
class Told:
    """A daemon's message, or with ``over`` the end of its answer, with ``error`` if it failed."""

    daemon: Daemon
    message: bytes = b""
    over: bool = False
    error: RouterError | None = None


Task = Callable[["Line"], None]
"""The work for each daemon, in its thread."""


class Question(Closing):
    """Asks daemons, each in a thread of its own, and passes their answers to the reading thread.

    A context manager: leaving it ends the calls in progress. A thread that is still connecting ends by
    itself, within ``Peers.patience``.
    """

    def __init__(self, peers: Peers, task: Task, cancellation: Cancellation) -> None:
        self.peers = peers
        self._task = task
        self._cancellation = cancellation
        self._lines: dict[str, Line] = {}
        self._said: deque[Told] = deque()
        self._held = 0
        self._over = False
        self._changed = threading.Condition()
        self._bell, self._rope = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ask(self, daemons: Sequence[Daemon]) -> None:
        """Ask the daemons that are not being asked already."""
        for daemon in daemons:
            self._lines[daemon.name] = line = Line(self, daemon)
            self.peers.start(partial(self._run, line), f"ask {daemon.name}")

    @property
    def talking(self) -> tuple[Daemon, ...]:
        """The daemons with more to send."""
        return tuple(line.daemon for line in self._lines.values())

    @property
    def over(self) -> bool:
        """Whether the answers are no longer wanted."""
        return self._over

    def hear(self, until: float | None = None) -> Told | None:
        """Return the next message; None once all answers are complete, or at ``until`` (of
        ``time.monotonic``).

        Raises ``CancelledError``.
        """
        while True:
            self._cancellation.check()
            with self._changed:
                if self._said:
                    return self._take()
            if not self._lines or (until is not None and time.monotonic() >= until):
                return None
            self._wait(until)

    def say(self, told: Told) -> None:
        """Pass a message on, from a line's thread; waits while too many bytes are unread."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._held < _MOST_HELD)
            if self._over:
                return
            self._said.append(told)
            self._held += _weight(told)
            with suppress(BlockingIOError):  # a full pipe wakes it as well
                os.write(self._rope, b"\0")

    def close(self) -> None:
        """Hang up."""
        with self._changed:
            if self._over:
                return
            self._over = True
            self._changed.notify_all()
            os.close(self._bell)
            os.close(self._rope)
        for line in self._lines.values():
            line.hang_up()

    def _take(self) -> Told:
        told = self._said.popleft()
        self._held -= _weight(told)
        self._changed.notify_all()
        if told.over:
            del self._lines[told.daemon.name]
        return told

    def _wait(self, until: float | None) -> None:
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        poll.register(self._cancellation.fileno(), select.POLLIN)
        poll.poll(None if until is None else max(until - time.monotonic(), 0.0) * 1000 + 1)
        with suppress(BlockingIOError):
            os.read(self._bell, 4096)

    def _run(self, line: Line) -> None:
        error: RouterError | None = RouterError(f"{line.daemon.name} could not be asked")
        try:
            line.run(self._task)
            error = None
        except RouterError as exc:
            error = exc
        finally:
            self.say(Told(daemon=line.daemon, over=True, error=error))


class Line:
    """One daemon's side of a question, for the task in its thread.

    Its methods raise as ``RpcChannel.run``, and ``CancelledError`` once the answers are no longer wanted.
    """

    def __init__(self, question: Question, daemon: Daemon) -> None:
        self.daemon = daemon
        self._question = question
        self._channel: RpcChannel | None = None
        self._first_word = time.monotonic() + question.peers.patience

    @property
    def control(self) -> Control:
        """The daemon's service. Its calls end only by their own deadlines."""
        assert self._channel is not None  # a task runs only while it is connected
        return Control(self._channel)

    def tell(self, message: bytes | memoryview) -> None:
        """Pass a message to the reading thread; waits while that is behind."""
        self._question.say(Told(daemon=self.daemon, message=bytes(message)))

    def greet(self) -> None:
        """Return once the daemon has answered a small question; call it before one that may take long.

        Connecting is no proof: a frozen daemon's kernel still accepts. Raises ``DialError`` if no answer
        comes in time.
        """
        try:
            self.unary(INFO, b"")
        except RpcError as exc:
            if exc.code != Status.UNIMPLEMENTED:  # from BuildKit before 0.11; an answer too
                raise

    def unary(self, method: str, request: bytes, *, timeout: float | None = None) -> bytes:
        """Return the answer; it may take ``timeout`` seconds, by default the rest of the first answer's
        time."""
        answers: deque[bytes] = deque(maxlen=1)
        self.stream(method, request, lambda message: answers.append(bytes(message)), timeout=timeout)
        return answers[-1] if answers else b""

    def stream(
        self, method: str, request: bytes, on_message: MessageHandler, *, timeout: float | None = None
    ) -> None:
        """Take messages until the daemon ends them; otherwise as ``unary``."""
        left = self._first_word - time.monotonic() if timeout is None else timeout
        self._drive(method, request, on_message, max(left, 0.0))

    def follow(self, method: str, request: bytes, on_message: MessageHandler) -> None:
        """Take messages without a time limit, from a daemon that stays responsive."""
        self._drive(method, request, on_message, inf)

    def hang_up(self) -> None:
        """End the calls in progress; from any thread."""
        if self._channel is not None:
            self._channel.wake()

    def run(self, task: Task) -> None:
        """Connect and do the task."""
        with self._question.peers.channel(self.daemon) as self._channel:
            task(self)

    def _drive(self, method: str, request: bytes, on_message: MessageHandler, timeout: float) -> None:
        question, control = self._question, self.control
        if question.over:
            raise CancelledError(f"{method} is no longer wanted")
        call = control.channel.start(method, request=request, on_message=on_message)
        try:
            control.outlast(lambda: call.done or question.over, timeout=timeout)
        finally:
            if not call.done:
                control.channel.cancel(call)
        if call.error is not None:
            raise call.error


def _weight(told: Told) -> int:
    return len(told.message) + _COST_OF_A_MESSAGE
