"""Calls that the fleet answers as one: each in a thread of its own, no faster than the client reads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from router.cancellation import Cancellation
from router.errors import RouterError
from router.net.stream import Buffer
from router.rpc.grpc import Status, prefix
from router.serving.inquiry import Inquiry
from router.serving.statuses import status_of
from router.session.server import CallRefused

__all__ = ["FleetCall", "FleetMethod"]

FleetMethod = Callable[[Inquiry], None]
"""Answers one request: emits messages, then returns, or raises ``CallRefused`` or ``RouterError``."""

# Bytes that may wait for the client before the next message has to.
_MOST_WAITING = 1024 * 1024


class FleetCall:
    """One such call. ``end`` is called in the thread that drives the client's connection, by ``post``."""

    def __init__(self, post: Callable[[Callable[[], None]], None], end: Callable[[int, str], None]) -> None:
        self._post = post
        self._end = end
        self._cancellation = Cancellation()
        self._room = threading.Condition()
        self._waiting: deque[Buffer] = deque()
        self._size = 0
        self.thread: threading.Thread | None = None

    def start(self, method: FleetMethod, request: bytes, hides: Callable[[str], bool]) -> None:
        """Begin to answer."""
        inquiry = Inquiry(request=request, emit=self._emit, cancellation=self._cancellation, hides=hides)
        self.thread = threading.Thread(
            target=self._run, args=(method, inquiry), name="fleet call", daemon=True
        )
        self.thread.start()

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Ignore further data: a call has one request."""

    def pull(self, size: int) -> Sequence[Buffer] | None:
        """Return framed answers, when the client's stream has room."""
        with self._room:
            taken: list[Buffer] = []
            while self._waiting and size > 0:
                buffer = self._waiting.popleft()
                taken.append(buffer)
                size -= len(buffer)
            self._size -= sum(map(len, taken))
            self._room.notify_all()
        return taken or None

    def drop(self) -> None:
        """The client cancelled the call."""
        self._cancellation.cancel("the client is gone")
        with self._room:
            self._room.notify_all()

    def _emit(self, message: bytes) -> None:
        with self._room:
            self._room.wait_for(lambda: self._size < _MOST_WAITING or self._cancellation.cancelled)
            self._cancellation.check()
            self._waiting += (prefix(len(message)), message)
            self._size += len(message)
        self._post(_nothing)

    def _run(self, method: FleetMethod, inquiry: Inquiry) -> None:
        code, said = Status.OK, ""
        try:
            method(inquiry)
        except CallRefused as exc:
            code, said = exc.code, str(exc)
        except RouterError as exc:
            code, said = status_of(exc)
        except Exception as exc:  # noqa: BLE001 - in every case the client must get an answer
            # Its text is left out: it is unknown, and may hold a secret.
            code, said = Status.INTERNAL, f"can't answer the call: {type(exc).__name__}"
        finally:
            self._post(lambda: self._ended(code, said))

    def _ended(self, code: int, said: str) -> None:
        self._end(code, said)
        self._cancellation.close()


def _nothing() -> None:
    """Wake the connection's thread."""
