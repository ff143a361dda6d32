"""Something that several daemons are asked at once, by a thread for each, and heard in one thread."""

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

# Bytes that are heard and not yet taken, of all daemons; then they wait. A client may read slowly.
_MOST_HELD = 4 << 20
_COST_OF_A_MESSAGE = 200


@frozen
class Told:
    """What a daemon said: a message, or with ``over`` that it has nothing more to say, and ``error`` why."""

    daemon: Daemon
    message: bytes = b""
    over: bool = False
    error: RouterError | None = None


Task = Callable[["Line"], None]
"""What is done with each daemon, in its thread."""


class Question(Closing):
    """Asks daemons, each in a thread of its own, and hands over what they say in the thread that hears.

    A context manager: when it is left, those that still talk are hung up on. A thread that is connecting then
    ends by itself, within ``Peers.patience``.
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
        """Ask daemons that are not being asked."""
        for daemon in daemons:
            self._lines[daemon.name] = line = Line(self, daemon)
            self.peers.start(partial(self._run, line), f"ask {daemon.name}")

    @property
    def talking(self) -> tuple[Daemon, ...]:
        """Those that have more to say."""
        return tuple(line.daemon for line in self._lines.values())

    @property
    def over(self) -> bool:
        """Whether nobody wants to know any more."""
        return self._over

    def hear(self, until: float | None = None) -> Told | None:
        """Return what is said next; None once all have said all, or at ``until`` (of ``time.monotonic``).

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
        """Hand something over, from a line's thread; waits while too much of it lies there."""
        with self._changed:
            self._changed.wait_for(lambda: self._over or self._held < _MOST_HELD)
            if self._over:
                return
            self._said.append(told)
            self._held += _weight(told)
            with suppress(BlockingIOError):  # a full pipe rings as well
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
    """One daemon's end of a question, for the task in its thread.

    Its methods raise as ``RpcChannel.run``, and ``CancelledError`` once the question is over.
    """

    def __init__(self, question: Question, daemon: Daemon) -> None:
        self.daemon = daemon
        self._question = question
        self._channel: RpcChannel | None = None
        self._first_word = time.monotonic() + question.peers.patience

    @property
    def control(self) -> Control:
        """The daemon's service. Its calls end by their own deadlines only."""
        assert self._channel is not None  # a task runs while there is one
        return Control(self._channel)

    def tell(self, message: bytes | memoryview) -> None:
        """Hand a message to who asks; waits while that one is behind."""
        self._question.say(Told(daemon=self.daemon, message=bytes(message)))

    def greet(self) -> None:
        """Return once the daemon has answered something small; for what may take long, before it is asked.

        A frozen daemon has its connections all the same. Raises ``DialError`` where no answer comes in time.
        """
        try:
            self.unary(INFO, b"")
        except RpcError as exc:
            if exc.code != Status.UNIMPLEMENTED:  # before BuildKit 0.11, which is an answer too
                raise

    def unary(self, method: str, request: bytes, *, timeout: float | None = None) -> bytes:
        """Return the answer; it may take ``timeout`` seconds, None is what is left for the first word."""
        answers: deque[bytes] = deque(maxlen=1)
        self.stream(method, request, lambda message: answers.append(bytes(message)), timeout=timeout)
        return answers[-1] if answers else b""

    def stream(
        self, method: str, request: bytes, on_message: MessageHandler, *, timeout: float | None = None
    ) -> None:
        """Hear messages until the daemon ends them; as ``unary``."""
        left = self._first_word - time.monotonic() if timeout is None else timeout
        self._drive(method, request, on_message, max(left, 0.0))

    def follow(self, method: str, request: bytes, on_message: MessageHandler) -> None:
        """Hear messages for as long as it takes, from a daemon that lives."""
        self._drive(method, request, on_message, inf)

    def hang_up(self) -> None:
        """End what is under way; from any thread."""
        if self._channel is not None:
            self._channel.wake()

    def run(self, task: Task) -> None:
        """Connect and do the task."""
        with self._question.peers.channel(self.daemon) as self._channel:
            task(self)

    def _drive(self, method: str, request: bytes, on_message: MessageHandler, timeout: float) -> None:
        question, control = self._question, self.control
        if question.over:
            raise CancelledError(f"{method} is not wanted any more")
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
