"""The seam between the engines and whoever calls a daemon: what a channel and a call are."""

from __future__ import annotations

import os
import select
import threading
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from router.cancellation import Cancellation
from router.closing import Closing
from router.errors import DialError, RouterError, RpcError
from router.rpc.grpc import Status
from router.rpc.streams import Source

__all__ = ["MessageHandler", "RpcCall", "RpcChannel"]

# What says so of a plain stream, and of TLS.
_CLOSED = ("the connection was closed", "it was closed")
_HUNG_UP = "the daemon may require TLS: try --tls-ca or --tls-dir"


class MessageHandler(Protocol):
    """Takes the messages of a call. The view is valid only during the call."""

    def __call__(self, message: memoryview, /) -> None: ...


class RpcCall:
    """One call of a method: its end stands in ``done`` and ``error``; ``stream_id`` is the engine's."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.done = False
        self.error: RouterError | None = None
        self.stream_id = 0

    def __repr__(self) -> str:
        state = "under way" if not self.done else "failed" if self.error else "done"
        return f"<{type(self).__name__} {self.method} {state}>"

    def finish(self, error: RouterError | None) -> None:
        """Note how the call ended; the first word counts."""
        if not self.done:
            self.done = True
            self.error = error


class RpcChannel(Closing):
    """A connection to a daemon, which it owns and closes; not for use by two threads at once.

    Messages come, and are asked for, during ``run`` and in its thread only. ``wake()`` and the cancellation
    may be used from other threads. ``carried`` is metadata that goes with each call begun from then on.
    """

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self.carried: Sequence[tuple[str, str]] = ()
        self._wake_lock = threading.Lock()
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    @abstractmethod
    def start(
        self,
        method: str,
        *,
        on_message: MessageHandler,
        request: bytes | None = None,
        source: Source | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> RpcCall:
        """Begin a call. With ``request`` the one message is sent and our side closed; with ``source`` the
        outgoing messages (framed) are pulled from it until ``end`` is called. Raises ``ConnectionLostError``
        where the peer takes no more calls."""

    @abstractmethod
    def end(self, call: RpcCall) -> None:
        """Close our side of a call that has a source."""

    @abstractmethod
    def cancel(self, call: RpcCall) -> None:
        """Give a call up; the daemon sees its context canceled."""

    @abstractmethod
    def handshake(self, timeout: float) -> None:
        """Return once the peer speaks HTTP/2; what was started already is sent meanwhile, not held back.

        A peer that listens is not yet one that lives: the kernel accepts connections for a frozen process.
        Raises ``DialError`` when it says nothing within ``timeout`` seconds, else as ``run`` does.
        """

    @abstractmethod
    def run(self, until: Callable[[], bool], *, timeout: float | None = None) -> None:
        """Move messages until ``until()`` says so.

        Raises ``DialError`` when ``timeout`` seconds pass without it, ``ConnectionLostError`` when the
        connection breaks or the peer falls silent, ``CancelledError`` when the cancellation is thrown.
        """

    @abstractmethod
    def register(self, poll: select.poll) -> float:
        """Tell a poll what wants ``run``; return after how many seconds it is wanted anyhow, 0 is at once."""

    def unary(self, method: str, request: bytes, *, timeout: float) -> bytes:
        """Call a method with one request and one answer. Raises ``RpcError``, ``DialError`` past ``timeout``
        seconds, ``ConnectionLostError``."""
        answers: deque[bytes] = deque(maxlen=1)  # there is one; who sends more fills nothing
        call = self.start(method, request=request, on_message=lambda message: answers.append(bytes(message)))
        try:
            self.run(lambda: call.done, timeout=timeout)
        finally:
            if not call.done:
                self.cancel(call)
        if call.error:
            raise call.error
        if not answers:
            raise RpcError(f"{method} ended without an answer", code=Status.INTERNAL)
        return answers[-1]

    def wake(self) -> None:
        """Make ``run`` look around, from any thread; on a closed channel do nothing."""
        # The lock keeps a descriptor that is closed meanwhile, and used anew, from being written to.
        with self._wake_lock:
            if self._wake_write >= 0:
                with suppress(BlockingIOError):  # a full pipe wakes as well
                    os.write(self._wake_write, b"\0")

    def _wait_to_be_woken(self, cancellation: Cancellation | None, deadline: float | None) -> None:
        poll = select.poll()
        poll.register(self._wake_read, select.POLLIN)
        if cancellation is not None:
            poll.register(cancellation.fileno(), select.POLLIN)
        poll.poll(None if deadline is None else max(deadline - time.monotonic(), 0.0) * 1000 + 1)
        with suppress(BlockingIOError):
            os.read(self._wake_read, 4096)

    def _no_answer(self, said: str, hint: str | None = None) -> DialError:
        lost, _, why = said.partition(": ")
        stream, at = lost.removeprefix("lost the connection to "), ""
        if why and stream in self.peer:
            said = why  # what was lost is named already
        elif why.startswith("it ") and why not in _CLOSED:
            said, at = why, f" at {stream}"
        if said.startswith("it ") and said not in _CLOSED:  # TLS has an answer of the daemon's
            answer = said.removeprefix("it ")
            return DialError(f"{self.peer}: the daemon{at} {answer}", hint=hint, temporary=True)
        if said in _CLOSED:
            return DialError(
                f"{self.peer} closed the connection at once", hint=hint or _HUNG_UP, temporary=True
            )
        return DialError(f"{self.peer} did not answer: {said}", hint=hint or _HUNG_UP, temporary=True)

    def _late(self) -> DialError:
        return DialError(
            f"{self.peer} did not answer in time",
            hint="check that buildkitd is running there: `warmroute ls` asks every daemon",
            reason="timeout",
            temporary=True,
        )

    def _end_waking(self) -> None:
        with self._wake_lock:
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_read = self._wake_write = -1
