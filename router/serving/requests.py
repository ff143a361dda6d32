"""Calls of a client that are answered here: the request message, and the answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from router.rpc.events import Headers
from router.rpc.grpc import MessageReader, Status, prefix
from router.rpc.http2 import Http2Connection, Http2Error, Source
from router.serving.pipes import Budget
from router.serving.splice import RESPONSE, end_stream, send_head

__all__ = ["Incoming", "Passed", "Reply", "Request", "Stranger"]


class Incoming(Protocol):
    """The receiver of a client's stream."""

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Take the client's data."""

    def drop(self) -> None:
        """The client cancelled the call, or can't be reached any more."""


class Passed:
    """A call that may change hands: ``to`` is its current receiver."""

    def __init__(self, to: Incoming) -> None:
        self.to = to

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Pass the data on."""
        self.to.receive(data, ended=ended)

    def drop(self) -> None:
        """Tell them."""
        self.to.drop()


class Reply:
    """The answers to a call, in the thread that drives the client's connection.

    Further data from the client is ignored.
    """

    def __init__(self, http2: Http2Connection, stream_id: int) -> None:
        self.over = False
        self._http2 = http2
        self._stream_id = stream_id
        self._headed = False

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Ignore further data."""

    def drop(self) -> None:
        """Send nothing more."""
        self.over = True

    def begin(self, source: Source, more: Headers = ()) -> None:
        """Send the head, with ``more`` headers, and from now on the answers of a source.

        Raises ``OverrunError`` if the client doesn't read.
        """
        if not self.over:
            self._head(more)
            self._http2.set_source(self._stream_id, source)

    def send(self, message: bytes) -> None:
        """Send an answer. Raises ``OverrunError`` if the client doesn't read."""
        if not self.over:
            self._head()
            self._http2.send(self._stream_id, prefix(len(message)) + message)

    def end(self, code: int = Status.OK, message: str = "") -> None:
        """End the call; the first status counts."""
        if not self.over:
            self.over = True
            end_stream(self._http2, self._stream_id, code, message, headed=self._headed)

    def _head(self, more: Headers = ()) -> None:
        if not self._headed:
            self._headed = True
            send_head(self._http2, self._stream_id, (*RESPONSE, *more))


class Stranger:
    """A request that isn't gRPC: it gets a plain answer once it is complete."""

    def __init__(self, http2: Http2Connection, stream_id: int) -> None:
        self._http2 = http2
        self._stream_id = stream_id

    def receive(self, _data: memoryview, *, ended: bool) -> None:
        """Answer it at its end. Raises ``OverrunError`` if the client doesn't read."""
        if ended:
            send_head(self._http2, self._stream_id, ((b":status", b"415"), (b"content-type", b"text/plain")))
            self._http2.send(self._stream_id, b"this is a BuildKit endpoint: it speaks gRPC\n")
            self._http2.finish(self._stream_id)

    def drop(self) -> None:
        """Do nothing: there is nothing to cancel."""


class Request:
    """Collects the single message of a call; ``then`` gets it when the client has finished sending."""

    def __init__(self, reply: Reply, budget: Budget, then: Callable[[bytes], Incoming | None]) -> None:
        self._reply = reply
        self._budget = budget
        self._then = then
        self._reader = MessageReader()
        self._message: bytes | None = None
        self._kept = 0
        self._next: Incoming | None = None

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Take a part of it. Raises ``OverrunError``."""
        if self._reply.over:
            return
        self._budget.take(len(data))
        self._kept += len(data)
        try:
            for message in self._reader.feed(data):
                if self._message is not None:
                    self._refuse(Status.INTERNAL, "more than one message")
                    return
                self._message = bytes(message)
        except Http2Error as exc:
            self._refuse(Status.RESOURCE_EXHAUSTED, str(exc))
            return
        if ended:
            self._ended()

    def drop(self) -> None:
        """Forget it."""
        self._reply.over = True
        self._release()
        if self._next is not None:
            self._next.drop()

    def _ended(self) -> None:
        if self._message is None or self._reader.incomplete:
            self._refuse(Status.INTERNAL, "the call has no message")
            return
        message, self._message = self._message, None
        self._next = self._then(message)
        self._release()

    def _refuse(self, code: int, why: str) -> None:
        self._reply.end(code, why)
        self._release()

    def _release(self) -> None:
        self._budget.give(self._kept)
        self._kept = 0
