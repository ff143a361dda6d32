"""One forwarded call: bytes from a stream of our server go to a call of our client, and back, unread.

A session takes two of these: the daemon calls our server, and we call the client's.
"""

from __future__ import annotations

from router.errors import ConnectionLostError, RouterError
from router.rpc.events import Headers, Http2Error
from router.rpc.grpc import status_headers
from router.rpc.http2 import Http2Connection
from router.rpc.raw import RawCall, RawCaller, Taker
from router.rpc.streams import Source
from router.serving.gathering import Gathering
from router.serving.pipes import Budget, OverrunError, Pipe
from router.serving.statuses import status_of

__all__ = ["NOBODY", "RESPONSE", "Splice", "end_stream", "onward", "send_head"]

RESPONSE: Headers = ((b":status", b"200"), (b"content-type", b"application/grpc"))
_HEAD_NAMES = frozenset((b":status", b"content-type"))


class Splice:
    """``near`` is the caller's connection, ``headers`` are those to send. The call waits to be connected.

    A ``repeatable`` call can be connected again if its daemon is lost.
    """

    repeatable = False

    def __init__(self, near: Http2Connection, stream_id: int, headers: Headers, budget: Budget) -> None:
        self.over = False
        self._near = near
        self._stream_id = stream_id
        self.headers = headers
        self._up = Pipe(budget, lambda held: near.hold(stream_id, held=held))
        self._down = Pipe(budget, self._hold_far)
        self._far: RawCaller | None = None
        self._call: RawCall | None = None
        self._ended = self._headed = False

    @property
    def spent(self) -> bool:
        """Whether the call is over and its answer is sent."""
        return self.over and self._down.empty

    # -- the near side

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Take bytes from the caller."""
        if self.over:
            return
        self._up.put(data)
        if ended:
            self._ended = True
            if self._far is not None and self._call is not None:
                self._far.end(self._call)

    def connect(self, far: RawCaller) -> None:
        """Start the call at the far side, unless it is over already."""
        if self.over:
            return
        try:
            call = far.begin(self.headers, self._taker(), self._request())
        except ConnectionLostError as exc:
            self._refused(exc)
            return
        self.adopt(far, call)
        if self._ended:
            far.end(call)

    def adopt(self, far: RawCaller, call: RawCall) -> None:
        """Take over a call that was started elsewhere, and whose Taker is set there."""
        self._far, self._call = far, call
        if self.over:
            self._take_back()
        elif self._down.held:
            far.hold(call, held=True)

    def disconnect(self) -> None:
        """Cancel the call at the far side; it can be connected again later."""
        self._take_back()

    def _take_back(self) -> None:
        far, call = self._far, self._call
        self._far = self._call = None
        if far is not None and call is not None:
            taker, call.taker = call.taker, NOBODY
            if isinstance(taker, Gathering):
                taker.forget()
            if not call.done:
                far.cancel(call)

    def drop(self) -> None:
        """End the call: the caller has canceled it, or can't be reached any more."""
        self.over = True
        self._take_back()
        self._up.close()
        self._down.close()

    def refuse(self, code: int, message: str) -> None:
        """End the call with a status of our own."""
        if not self.over:
            end_stream(self._near, self._stream_id, code, message, headed=self._headed)
            self.drop()

    # -- the far side: a Taker

    def on_head(self, headers: Headers) -> None:
        """Forward the head of the answer."""
        if self.over or self._headed:
            return
        self._headed = True
        send_head(self._near, self._stream_id, headers)
        self._near.set_source(self._stream_id, self._down)

    def on_data(self, data: memoryview) -> None:
        """Forward a part of the answer."""
        if not self.over:
            self._down.put(data)

    def on_end(self, trailers: Headers) -> None:
        """Forward the end, after the parts that are not sent yet."""
        if self.over:
            return
        self.over = True
        self._up.close()
        if not self._headed:
            send_head(self._near, self._stream_id, RESPONSE)
            trailers = [(name, value) for name, value in trailers if name not in _HEAD_NAMES]
        self._near.finish(self._stream_id, trailers)

    def on_reset(self, code: int) -> None:
        """Forward the reset: there will be no answer."""
        if not self.over:
            self._near.reset(self._stream_id, code)
            self.drop()

    def on_loss(self, error: RouterError) -> None:
        """Tell the caller that the far side is lost."""
        self.refuse(*status_of(error))

    # -- overridden by some kinds of calls

    def settle(self) -> None:
        """Note that the call's build has ended: no other daemon will continue the call."""

    def _request(self) -> Source:
        """Return the source of the request."""
        return self._up

    def _taker(self) -> Taker:
        """Return the taker of the answer."""
        return self

    def _refused(self, error: ConnectionLostError) -> None:
        """Handle a far side that accepts no calls."""
        self.on_loss(error)

    def _hold_far(self, held: bool) -> None:
        if self._far is not None and self._call is not None:
            self._far.hold(self._call, held=held)


class _Nobody:
    """A Taker."""

    def on_head(self, headers: Headers) -> None:
        """Ignore it."""

    def on_data(self, data: memoryview) -> None:
        """Ignore it."""

    def on_end(self, trailers: Headers) -> None:
        """Ignore it."""

    def on_reset(self, code: int) -> None:
        """Ignore it."""

    def on_loss(self, error: RouterError) -> None:
        """Ignore it."""


NOBODY = _Nobody()
"""The Taker of a call that was canceled or disconnected: it ignores everything."""


def onward(headers: Headers) -> Headers:
    """Return the headers with which a client's call is forwarded to a daemon."""
    path = next((value for name, value in headers if name == b":path"), b"")
    ours = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", path), (b":authority", b"localhost"))
    return (*ours, *((name, value) for name, value in headers if not name.startswith(b":")))


def send_head(http2: Http2Connection, stream_id: int, headers: Headers) -> None:
    """Send the head of an answer. Raises ``OverrunError`` if the peer does not read."""
    try:
        http2.send_headers(stream_id, headers)
    except Http2Error as exc:
        # The fault is this peer's, not that of the one whose answer is forwarded.
        raise OverrunError(str(exc)) from exc


def end_stream(
    http2: Http2Connection, stream_id: int, code: int, message: str, *, headed: bool = False
) -> None:
    """End a call with a status. Raises ``OverrunError`` if the peer does not read."""
    if not headed:
        send_head(http2, stream_id, RESPONSE)
    http2.finish(stream_id, status_headers(code, message))
