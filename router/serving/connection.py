"""One client's connection, and the thread that moves everything that belongs to it.

The thread owns the client's connection and the channels of the client's builds; bytes go from one to the
other without locks. Blocking work is done in other threads, which post their results to this one.
"""

from __future__ import annotations

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from router.errors import ConnectionLostError, RouterError
from router.rpc.wire import Wire
from router.serving.client import Arrival, Client, Services, Shared
from router.serving.conversation import Conversation
from router.serving.pipes import Budget

__all__ = ["ClientConnection"]

# The limit for one client's bytes at a time: some streams of 20 MiB (``pipes``, and a window each).
_MOST_KEPT = 512 * 1024 * 1024
# Seconds that a client has for its first bytes.
_FIRST_WORDS = 10.0
# Seconds of silence before a client is sent a PING, and for its answer.
_ASK_AFTER, _ANSWER_WITHIN = 30.0, 30.0
_JOIN = 1.0


class ClientConnection:
    """Serves one client in a thread of its own, until either side ends it."""

    def __init__(self, accepted: Arrival, services: Services, shared: Shared) -> None:
        self._client = Client(accepted, services, shared, Budget(_MOST_KEPT))
        self._client.post = self._post
        self._http2 = self._client.http2
        self._wire = Wire(accepted.stream, self._http2)
        self._conversation = Conversation(self._client)
        self._links = self._conversation.builds.links
        self._heard = time.monotonic()
        self._asked = False
        self._stopping = self._over = False
        self._inbox: deque[Callable[[], None]] = deque()
        self._lock = threading.Lock()
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.thread = threading.Thread(target=self._run, name=f"client {accepted.description}", daemon=True)

    def start(self) -> None:
        """Begin to serve. Raises RuntimeError if no thread can be started."""
        try:
            self.thread.start()
        except RuntimeError:
            os.close(self._wake)
            raise

    def stop(self) -> None:
        """End it, from any thread; calls in progress are cancelled."""
        self._stopping = True
        self._post(_nothing)

    @property
    def is_building(self) -> bool:
        """Whether a build is in progress."""
        return self._conversation.builds.under_way

    def _post(self, action: Callable[[], None]) -> None:
        """Have the thread run an action; run it here if the thread has ended."""
        with self._lock:
            if not self._over:
                self._inbox.append(action)
                with suppress(BlockingIOError):
                    os.eventfd_write(self._wake, 1)
                return
        action()

    def _run(self) -> None:
        try:
            self._client.timers.after(_FIRST_WORDS, self._require_first_words)
            self._client.timers.after(_ASK_AFTER, self._look_for_life)
            while not self._stopping:
                if not self._move():
                    self._wait()
        except ConnectionLostError:
            pass  # the client is gone, or broke the protocol: GOAWAY says so
        except RouterError as exc:
            self._client.tell(f"ended the connection: {exc}")
        except Exception as exc:  # noqa: BLE001 - it concerns only this client
            self._client.tell(f"ended the connection: {type(exc).__name__}: {exc}")
        finally:
            self._end()

    def _move(self) -> bool:
        """Let everything step once; say whether anything moved."""
        while self._inbox:
            self._inbox.popleft()()
        self._client.timers.run()
        moved = self._wire.write()
        if (events := self._wire.read()) is not None:
            moved = True
            self._heard = time.monotonic()
            self._asked = False
            for event in events:
                self._conversation.take(event)
        moved |= self._links.step()
        self._links.tidy()
        return moved

    def _wait(self) -> None:
        poll = select.poll()
        ready = self._wire.register(poll)
        poll.register(self._wake, select.POLLIN)
        limits = [self._links.register(poll), self._client.timers.left()]
        timeout = min((limit for limit in limits if limit is not None), default=None) if ready else 0.0
        begun = time.monotonic()
        came = poll.poll(None if timeout is None else timeout * 1000 + 1)
        waited = time.monotonic() - begun
        # At most the time asked for: the process may have been stopped meanwhile.
        self._links.waited(waited if timeout is None else min(waited, timeout))
        if any(descriptor == self._wake for descriptor, _ in came):
            os.eventfd_read(self._wake)

    def _end(self) -> None:
        try:
            threads = self._conversation.close()
        finally:
            self._wire.close()
        with self._lock:
            self._over = True
            os.close(self._wake)
            left = tuple(self._inbox)
        for action in left:
            action()
        deadline = time.monotonic() + _JOIN
        for thread in threads:
            if thread.ident is not None:  # else it could not be started
                thread.join(max(deadline - time.monotonic(), 0.0))

    # -- whether the client is there

    def _require_first_words(self) -> None:
        if not self._http2.established:
            raise ConnectionLostError(f"it sent nothing within {_FIRST_WORDS:.0f} s")

    def _look_for_life(self) -> None:
        """Send a silent client a PING, and end the connection if it doesn't answer."""
        silence = time.monotonic() - self._heard
        if self._asked and silence >= _ASK_AFTER + _ANSWER_WITHIN:
            raise ConnectionLostError(f"it has been silent for {silence:.0f} s")
        if silence >= _ASK_AFTER and not self._asked:
            self._asked = True
            self._http2.ping()
        self._client.timers.after(_ASK_AFTER / 2, self._look_for_life)


def _nothing() -> None:
    """Look around."""
