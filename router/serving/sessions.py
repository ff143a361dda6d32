"""The two ends of a session: towards the client, whom we call, and towards each daemon, which calls us.

A session ends here, so one of a client's can serve builds on several daemons. Both ends are HTTP/2
connections in the BytesMessages of a Session call, as in ``router.session.server``; the calls are passed on
unread.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.errors import ConnectionLostError, RpcError
from router.net.stream import Buffer
from router.rpc import RpcCall
from router.rpc.channel import Channel
from router.rpc.events import Headers
from router.rpc.grpc import MessageReader, Status, metadata, prefix
from router.rpc.http2 import (
    DataReceived,
    Event,
    GoAwayReceived,
    HeadersReceived,
    Http2Connection,
    Http2Error,
    PingAcknowledged,
    StreamReset,
)
from router.rpc.protobuf import bytes_field, bytes_message_header
from router.rpc.raw import RawCall, Taker
from router.rpc.streams import Source
from router.serving.one_time import why_once
from router.serving.pipes import Budget
from router.serving.splice import RESPONSE, Splice, end_stream, send_head

__all__ = ["SESSION", "ClientSession", "DaemonSession"]

SESSION = "/moby.buildkit.v1.Control/Session"

_OFFER = "x-docker-expose-session-"
_OF_THE_CALL = frozenset(("content-type", "te", "user-agent"))
# As in router.session.server.
_BYTES_MESSAGE = 1024 * 1024
_STEP = 64 * 1024
# Frames that may wait for a client that doesn't read, before daemons can start no more calls of it.
_MOST_WAITING = 500


class ClientSession:
    """What a client offers to the daemons that build for it. A RawCaller; the source of the client's stream.

    ``offer`` is what goes with the Session call of each daemon. ``once`` is the reason why a
    daemon's call can't be repeated, empty if all can.
    """

    def __init__(self, near: Http2Connection, stream_id: int, headers: Headers) -> None:
        values = metadata(headers)
        self.id = values.get(_OFFER + "uuid", [""])[0]
        self.name = values.get(_OFFER + "name", [""])[0]
        self.shared_key = values.get(_OFFER + "sharedkey", [""])[0]
        self.offer = [(name, value) for name, each in values.items() if _is_offer(name) for value in each]
        self.stream_id = stream_id
        self.over = False
        self.once = ""
        self._near = near
        self._reader = MessageReader()
        self._http2 = Http2Connection(client=True)
        self._calls: dict[int, RawCall] = {}
        self._going_away = False
        send_head(near, stream_id, RESPONSE)
        near.set_source(stream_id, self)

    # -- the client's stream

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Take the client's data."""
        if self.over:
            return
        try:
            for message in self._reader.feed(data):
                inner = bytes_field(message)
                for start in range(0, len(inner), _STEP):
                    for event in self._http2.receive(inner[start : start + _STEP]):
                        self._dispatch(event)
        except Http2Error as exc:
            self.finish(Status.INVALID_ARGUMENT, f"the session's data is invalid: {exc}")
            return
        if ended:
            self.finish(Status.OK, "")

    def pull(self, size: int) -> Sequence[Buffer] | None:
        """Return the next BytesMessage, framed."""
        return _message(self._http2, size)

    def finish(self, code: int, message: str) -> None:
        """End the client's call."""
        end_stream(self._near, self.stream_id, code, message, headed=True)
        self.drop()

    def drop(self) -> None:
        """The client cancelled it."""
        self.over = True
        lost = ConnectionLostError("the client has ended its session")
        for call in tuple(self._calls.values()):
            call.finish(lost)
        self._calls.clear()

    # -- the daemons' calls

    def begin(self, headers: Headers, taker: Taker, source: Source) -> RawCall:
        """Begin a call of the client."""
        if self.over or self._going_away or self._http2.waiting > _MOST_WAITING:
            raise ConnectionLostError("the client's session takes no more calls")
        path = next((value.decode("ascii", "replace") for name, value in headers if name == b":path"), "")
        self.once = self.once or why_once(path)
        call = RawCall("", taker)
        call.stream_id = self._http2.open_stream(headers, source)
        self._calls[call.stream_id] = call
        return call

    def end(self, call: RpcCall) -> None:
        """Close the daemon's side of a call."""
        self._http2.finish(call.stream_id)

    def cancel(self, call: RpcCall) -> None:
        """Cancel a call."""
        self._http2.reset(call.stream_id)
        self._calls.pop(call.stream_id, None)
        call.finish(RpcError("the daemon canceled the call", code=Status.CANCELLED))

    def hold(self, call: RpcCall, *, held: bool) -> None:
        """Make the client pause its answer, or continue."""
        self._http2.hold(call.stream_id, held=held)

    def _dispatch(self, event: Event) -> None:
        match event:
            case DataReceived(stream_id, data, ended):
                if (call := self._calls.get(stream_id)) is not None:
                    call.on_data(data, ended=ended)
                    self._forget(call)
            case HeadersReceived(stream_id, headers, ended):
                if (call := self._calls.get(stream_id)) is not None:
                    call.on_headers(headers, ended=ended)
                    self._forget(call)
            case StreamReset(stream_id, code, why):
                if (call := self._calls.pop(stream_id, None)) is not None:
                    call.on_reset(code, why, "the client")
            case GoAwayReceived():
                self._going_away = True
            case PingAcknowledged():
                pass

    def _forget(self, call: RawCall) -> None:
        if call.done:
            self._calls.pop(call.stream_id, None)
            self._http2.reset(call.stream_id)


class DaemonSession:
    """One daemon's side of a client's session, on the channel of a build that names it.

    The daemon's calls wait until ``attach``: until then its build may be taken back. They are made in the
    thread that drives the channel.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._session: ClientSession | None = None
        self._http2 = Http2Connection(client=False)
        self._splices: dict[int, Splice] = {}
        self._newest = 0

    def open(self, channel: Channel, offer: Sequence[tuple[str, str]]) -> RpcCall:
        """Offer the session to the daemon at the far end."""
        return channel.start(SESSION, source=self, metadata=offer, on_message=self.receive)

    def attach(self, session: ClientSession) -> None:
        """Connect the session: for calls that wait, and for those to come."""
        self._session = session
        for splice in tuple(self._splices.values()):
            splice.connect(session)

    def receive(self, message: memoryview) -> None:
        """Take one BytesMessage from the daemon. Raises ``Http2Error`` if it is invalid."""
        # Parts of it are kept until they are sent: no buffer of a channel or a message is reused.
        data = bytes_field(message)
        for start in range(0, len(data), _STEP):
            for event in self._http2.receive(data[start : start + _STEP]):
                self._dispatch(event)

    def pull(self, size: int) -> Sequence[Buffer] | None:
        """Return the next BytesMessage, framed."""
        return _message(self._http2, size)

    def drop(self) -> None:
        """The daemon can't be reached any more, or its build is over: cancel its calls."""
        for splice in self._splices.values():
            splice.drop()
        self._splices.clear()

    def _dispatch(self, event: Event) -> None:
        match event:
            case DataReceived(stream_id, data, ended):
                if (splice := self._splices.get(stream_id)) is not None:
                    splice.receive(data, ended=ended)
            case HeadersReceived(stream_id, headers, ended):
                self._called(stream_id, headers, ended=ended)
            case StreamReset(stream_id, _, _):
                if (splice := self._splices.pop(stream_id, None)) is not None:
                    splice.drop()
            case GoAwayReceived() | PingAcknowledged():
                pass  # the outer connection says when the session is over

    def _called(self, stream_id: int, headers: Headers, *, ended: bool) -> None:
        if stream_id <= self._newest:  # trailers, or part of a call that is over
            if ended and (known := self._splices.get(stream_id)) is not None:
                known.receive(memoryview(b""), ended=True)
            return
        self._newest = stream_id
        # A finished call may still have bytes to send: it is dropped once they are sent.
        self._splices = {number: each for number, each in self._splices.items() if not each.spent}
        splice = self._splices[stream_id] = Splice(self._http2, stream_id, headers, self._budget)
        if ended:
            splice.receive(memoryview(b""), ended=True)
        if self._session is not None:
            splice.connect(self._session)


def _message(http2: Http2Connection, size: int) -> Sequence[Buffer] | None:
    inner = http2.take(min(size, _BYTES_MESSAGE))
    if not inner:
        return None
    data = b"".join(inner)
    header = bytes_message_header(len(data))
    return [prefix(len(header) + len(data)) + header, data]


def _is_offer(name: str) -> bool:
    return not name.startswith((":", "grpc-")) and name not in _OF_THE_CALL
