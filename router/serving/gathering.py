"""The answer to a call that can be repeated: it is passed on when it is complete, or not at all.

A partly delivered answer can't be taken back, and the rest of one daemon's answer doesn't fit the beginning
of another's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from router.errors import ConnectionLostError, RouterError, RpcError
from router.net.stream import Buffer
from router.rpc.events import Headers, Http2Error
from router.rpc.grpc import MAX_MESSAGE, PREFIX_SIZE, MessageReader, metadata, prefix, status_error
from router.rpc.raw import Taker
from router.serving.pipes import Budget

__all__ = ["Answer", "Gathering", "OneMessage"]


class Answer:
    """A complete answer: ``error`` is its status, None for OK; ``data`` is its framed messages."""

    def __init__(self, method: str, head: Headers | None, data: bytes, trailers: Headers) -> None:
        self.error: RpcError | None = status_error(metadata(trailers), method)
        self._head = head
        self.data = data
        self._trailers = trailers

    @property
    def message(self) -> bytes:
        """The one message. Raises ``Http2Error`` if there is none, or more than one."""
        messages = [bytes(each) for each in MessageReader().feed(memoryview(self.data))]
        if len(messages) != 1:
            raise Http2Error(f"the peer answered with {len(messages)} messages instead of one")
        return messages[0]

    def pass_on(self, taker: Taker) -> None:
        """Pass the answer to a taker."""
        if self._head is not None:
            taker.on_head(self._head)
        if self.data:
            taker.on_data(memoryview(self.data))
        taker.on_end(self._trailers)


class Gathering:
    """A Taker: ``heard`` gets the complete answer, ``lost`` the error if there is none. ``peer`` is the
    daemon's name in errors.

    The bytes count in ``budget`` until the answer is complete, or until ``forget``.
    """

    def __init__(
        self,
        method: str,
        peer: str,
        budget: Budget,
        *,
        heard: Callable[[Answer], None],
        lost: Callable[[RouterError], None],
    ) -> None:
        self._method = method
        self._peer = peer
        self._budget = budget
        self._heard = heard
        self._lost = lost
        self._head: Headers | None = None
        self._data = bytearray()

    def on_head(self, headers: Headers) -> None:
        """Keep the head."""
        self._head = headers

    def on_data(self, data: memoryview) -> None:
        """Keep a part. Raises ``Http2Error`` if it is more than one message may have; ``OverrunError``."""
        if len(self._data) + len(data) > MAX_MESSAGE + PREFIX_SIZE:
            raise Http2Error(f"{self._peer} answered {self._method} with more than {MAX_MESSAGE} bytes")
        self._data += data
        self._budget.take(len(data))

    def on_end(self, trailers: Headers) -> None:
        """Pass the complete answer on."""
        answer = Answer(self._method, self._head, bytes(self._data), trailers)
        self.forget()
        self._heard(answer)

    def on_reset(self, code: int) -> None:
        """Report that the daemon reset the call."""
        self.forget()
        said = f"{self._peer} canceled the build (HTTP/2 code {code})"
        self._lost(ConnectionLostError(said, temporary=True))

    def on_loss(self, error: RouterError) -> None:
        """Report that the connection is lost, or accepts no more calls."""
        self.forget()
        self._lost(error)

    def forget(self) -> None:
        """Drop the bytes so far."""
        self._budget.give(len(self._data))
        self._data = bytearray()


class OneMessage:
    """The source of a call with one request."""

    def __init__(self, message: bytes) -> None:
        self._left: tuple[Buffer, ...] | None = (prefix(len(message)), message)

    def pull(self, _size: int) -> Sequence[Buffer] | None:
        """Return the whole message, once."""
        left, self._left = self._left, None
        return left
