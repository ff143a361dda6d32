"""A gRPC client on one connected stream of bytes, driven by the thread that uses it.

Nothing happens between calls of ``run``: whoever wants an answer drives the connection until it is there,
and everything else that is under way on it (the session, the status stream) moves along. One thread, one
socket, one place where time passes.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Sequence

from router.cancellation import Cancellation
from router.errors import ConnectionLostError, DialError, RouterError, RpcError
from router.net.stream import ByteStream
from router.rpc.contract import MessageHandler, RpcCall, RpcChannel
from router.rpc.events import StrangerError
from router.rpc.grpc import MessageReader, Status, metadata, prefix, status_error
from router.rpc.http2 import (
    DataReceived,
    Event,
    GoAwayReceived,
    Headers,
    HeadersReceived,
    Http2Connection,
    Http2Error,
    PingAcknowledged,
    Source,
    StreamReset,
)
from router.rpc.raw import RawCall, Taker
from router.rpc.wire import Wire

__all__ = ["Call", "Channel"]

# The daemon checks the session's health every 5 s, so a silence this long is odd: ask. Asking earlier
# would be taken for abuse by gRPC servers (they allow a PING every 5 minutes on an idle connection).
_ASK_AFTER = 12.0
# Noticed within 20 s is what we promise; a busy machine needs some of that to wake up.
_LOST_AFTER = 19.0


class Call(RpcCall):
    """One call of a method: its messages go to ``on_message``, its end stands in ``done`` and ``error``."""

    def __init__(self, method: str, on_message: MessageHandler) -> None:
        super().__init__(method)
        self._on_message = on_message
        self._reader = MessageReader()
        self._headers: dict[str, list[str]] = {}

    def on_headers(self, headers: Headers, *, ended: bool) -> None:
        """Take a header block; the last one carries the status."""
        for name, values in metadata(headers).items():
            self._headers.setdefault(name, []).extend(values)
        if ended or "grpc-status" in self._headers:
            self.finish(status_error(self._headers, self.method))

    def on_data(self, data: memoryview, *, ended: bool) -> None:
        """Take bytes of the answer."""
        if self._headers.get("content-type", ["application/grpc"])[0].startswith("application/grpc"):
            for message in self._reader.feed(data):
                self._on_message(message)
        if ended:
            # The trailers end a gRPC call; data that ends it is no gRPC, and the status says so.
            self.finish(status_error(self._headers, self.method))

    def on_reset(self, code: int, why: str, peer: str) -> None:
        """Take the end that is none: of the peer's, or of ours for what the peer sent, and ``why``."""
        said = f"{peer}: {self.method}: {why}" if why else f"{peer} reset {self.method} (HTTP/2 code {code})"
        self.finish(RpcError(said, code=Status.UNAVAILABLE, temporary=True))

    def finish(self, error: RouterError | None) -> None:
        """Note how the call ended; the first word counts."""
        if error is None and self._reader.incomplete:
            error = RpcError(f"{self.method}: the answer ends inside of a message", code=Status.INTERNAL)
        super().finish(error)


class Channel(RpcChannel):
    """The engine of our own, on any stream of bytes, which it owns and closes."""

    def __init__(
        self,
        stream: ByteStream,
        *,
        peer: str,
        authority: str = "localhost",
        cancellation: Cancellation | None = None,
    ) -> None:
        super().__init__(peer)
        self._authority = authority.encode()
        self._cancellation = cancellation
        self._http2 = Http2Connection(client=True)
        self._wire = Wire(stream, self._http2)
        self._calls: dict[int, Call | RawCall] = {}
        # Seconds spent listening since the peer was last heard. Time spent on other things is no silence:
        # a handler that writes to a slow disk, a process that is suspended.
        self._silence = 0.0
        self._asked = False
        self._going_away = ""
        self._unsendable: ConnectionLostError | None = None

    # -- calls

    def start(
        self,
        method: str,
        *,
        on_message: MessageHandler,
        request: bytes | None = None,
        source: Source | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> Call:
        """Begin a call, which is sent when the connection is driven."""
        self._require_calls()
        headers = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", method.encode()),
            (b":authority", self._authority),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"warmroute"),
            (b"te", b"trailers"),
            *((name.lower().encode(), value.encode()) for name, value in (*metadata, *self.carried)),
        ]
        call = Call(method, on_message)
        call.stream_id = self._http2.open_stream(headers, source)
        self._calls[call.stream_id] = call
        if request is not None:
            self._http2.send(call.stream_id, prefix(len(request)) + request)
            self._http2.finish(call.stream_id)
        return call

    def begin(self, headers: Headers, taker: Taker, source: Source) -> RawCall:
        """Begin a call whose bytes pass unread; see ``RawCaller``."""
        method = next((value.decode("ascii", "replace") for name, value in headers if name == b":path"), "")
        self._require_calls()
        call = RawCall(method, taker)
        call.stream_id = self._http2.open_stream(headers, source)
        self._calls[call.stream_id] = call
        return call

    def hold(self, call: RpcCall, *, held: bool) -> None:
        """Let the daemon pause with its answer to a call, or go on."""
        self._http2.hold(call.stream_id, held=held)

    def end(self, call: RpcCall) -> None:
        """Close our side of a call that has a source."""
        self._http2.finish(call.stream_id)

    def cancel(self, call: RpcCall) -> None:
        """Give a call up; the daemon sees its context canceled."""
        self._http2.reset(call.stream_id)
        self._calls.pop(call.stream_id, None)
        call.finish(RpcError(f"{call.method} was canceled", code=Status.CANCELLED))

    # -- driving

    def handshake(self, timeout: float) -> None:
        """Return once the peer has sent its settings."""
        self.run(lambda: self._http2.established, timeout=timeout)

    def run(self, until: Callable[[], bool], *, timeout: float | None = None) -> None:
        """Move bytes until ``until()`` says so."""
        self._silence = 0.0
        deadline = None if timeout is None else time.monotonic() + timeout
        while not until():
            if self._cancellation is not None:
                self._cancellation.check()
            # Also while bytes keep coming: a peer that talks without end has not answered either.
            self._check_time(time.monotonic(), deadline)
            if not self._move():
                self._wait(deadline)

    # One thread may drive several connections: it lets each of them step, and waits for all where none moved.

    def step(self) -> bool:
        """Move what can be moved at once; say whether anything did. Raises as ``run`` does."""
        self._check_time(time.monotonic(), None)
        return self._move()

    def register(self, poll: select.poll) -> float:
        """Tell a poll what the next step waits for; return for how many seconds at most."""
        if not self._wire.register(poll):
            return 0.0
        timeout = (_LOST_AFTER if self._asked else _ASK_AFTER) - self._silence
        return max(timeout, 0.0) + 0.001

    @property
    def silence(self) -> float:
        """For how many seconds it was listened, and nothing came."""
        return self._silence

    def waited(self, seconds: float) -> None:
        """Take note that it was listened for so long, and nothing came."""
        self._silence += seconds

    def close(self) -> None:
        """Say goodbye as far as it can be said at once, and close the stream."""
        if self._wake_read < 0:
            return
        self._wire.close()
        self._end_waking()

    def _move(self) -> bool:
        sent = self._write()
        if self._read() or sent:
            return True
        if self._unsendable is not None:
            raise self._lost(self._unsendable) from self._unsendable
        return False

    def _write(self) -> bool:
        """Send one cycle's worth; say whether anything went out."""
        if self._unsendable is not None:
            return False
        try:
            return self._wire.write()
        except ConnectionLostError as exc:
            # What the peer said before it hung up tells more, and may be all that is waited for.
            self._unsendable = exc
        return False

    def _read(self) -> bool:
        """Take in what has arrived; say whether anything had."""
        try:
            events = self._wire.read()
            if events is None:
                return False
            self._silence = 0.0
            self._asked = False
            for event in events:
                self._dispatch(event)
        except ConnectionLostError as exc:
            raise self._lost(exc) from exc
        return True

    def _wait(self, deadline: float | None) -> None:
        begun = time.monotonic()
        poll = select.poll()
        timeout = self.register(poll)
        if deadline is not None:
            timeout = min(timeout, max(deadline - begun, 0.0) + 0.001)
        poll.register(self._wake_read, select.POLLIN)
        if self._cancellation is not None:
            poll.register(self._cancellation.fileno(), select.POLLIN)
        ready = poll.poll(timeout * 1000) if timeout else []
        # Not more than was asked for: the process may have been stopped meanwhile.
        self.waited(min(time.monotonic() - begun, timeout))
        if any(descriptor == self._wake_read for descriptor, _ in ready):
            os.read(self._wake_read, 4096)

    def _check_time(self, now: float, deadline: float | None) -> None:
        if deadline is not None and now >= deadline:
            raise self._late()
        if self._silence >= _LOST_AFTER:
            raise ConnectionLostError(
                f"{self.peer} has been silent for {self._silence:.0f} s", temporary=True, reason="silent"
            )
        if self._silence >= _ASK_AFTER and not self._asked:
            self._asked = True
            self._http2.ping()

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
                    call.on_reset(code, why, self.peer)
            case GoAwayReceived(last, code, debug):
                self._go_away(
                    last, f"it is going away (HTTP/2 code {code}) {debug.decode('utf-8', 'replace')}"
                )
            case PingAcknowledged():
                pass

    def _go_away(self, last_stream_id: int, why: str) -> None:
        """End the calls that the peer says it never saw; it may complete the others."""
        self._going_away = why
        for call in [call for call in self._calls.values() if call.stream_id > last_stream_id]:
            del self._calls[call.stream_id]
            self._http2.reset(call.stream_id)
            call.finish(
                RpcError(
                    f"{self.peer} did not take {call.method}: {self._going_away}",
                    code=Status.UNAVAILABLE,
                    temporary=True,
                )
            )

    def _require_calls(self) -> None:
        if self._going_away:
            raise ConnectionLostError(f"{self.peer} takes no more calls: {self._going_away}", temporary=True)

    def _forget(self, call: Call | RawCall) -> None:
        if call.done:
            self._calls.pop(call.stream_id, None)
            # The answer is complete: what we would still send on this stream is of no use (RFC 9113, 8.1).
            self._http2.reset(call.stream_id)

    def _lost(self, cause: ConnectionLostError) -> DialError | ConnectionLostError:
        # What begins a call in the midst of an answer says so itself.
        said, hint = str(cause).removeprefix(f"{self.peer} "), cause.hint
        if self._going_away and self._going_away not in said:
            said = f"{said}; {self._going_away}"
        if not self._http2.established:
            return self._stranger(cause) if isinstance(cause, Http2Error) else self._no_answer(said, hint)
        return ConnectionLostError(f"lost {self.peer}: {said}", hint=hint, temporary=True)

    def _stranger(self, cause: Http2Error) -> DialError:
        said = str(cause) if isinstance(cause, StrangerError) else f"is not a BuildKit daemon: {cause}"
        return DialError(f"{self.peer} {said}", hint=cause.hint, temporary=True)
