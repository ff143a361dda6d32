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
from contextlib import suppress

from router.cancellation import Cancellation
from router.errors import ConnectionLostError, DialError, RouterError, RpcError
from router.net.stream import Buffer, ByteStream
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

__all__ = ["Call", "Channel"]

# A write cycle: large enough to amortise a system call, small enough to read in between.
_WRITE_SIZE = 1024 * 1024
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
        self._stream = stream
        self._authority = authority.encode()
        self._cancellation = cancellation
        self._http2 = Http2Connection(client=True)
        self._calls: dict[int, Call] = {}
        self._outgoing: list[Buffer] = []
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
        if self._going_away:
            raise ConnectionLostError(f"{self.peer} takes no more calls: {self._going_away}", temporary=True)
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
            sent = self._write()
            if not self._read() and not sent:
                if self._unsendable is not None:
                    raise self._lost(self._unsendable) from self._unsendable
                self._wait(deadline)

    def close(self) -> None:
        """Say goodbye as far as it can be said at once, and close the stream."""
        if self._wake_read < 0:
            return
        self._http2.close()
        with suppress(RouterError):  # of a broken connection: there is nobody to say goodbye to
            self._stream.send([*self._outgoing, *self._http2.take(0)])
        self._stream.close()
        self._end_waking()

    def _write(self) -> bool:
        """Send one cycle's worth; say whether anything went out."""
        if self._unsendable is not None:
            return False
        if not self._outgoing:
            self._outgoing = self._http2.take(_WRITE_SIZE)
        try:
            if self._outgoing:
                taken = self._stream.send(self._outgoing)
                self._outgoing = _without(self._outgoing, taken)
                return taken > 0
            if self._stream.wants_write():
                self._stream.flush()
        except ConnectionLostError as exc:
            # What the peer said before it hung up tells more, and may be all that is waited for.
            self._unsendable = exc
        return False

    def _read(self) -> bool:
        """Take in what has arrived; say whether anything had."""
        try:
            data = self._stream.recv()
            if data is None:
                return False
            for event in self._arrived(data):
                self._dispatch(event)
        except ConnectionLostError as exc:
            raise self._lost(exc) from exc
        return True

    def _arrived(self, data: bytes) -> list[Event]:
        if not data:
            raise ConnectionLostError("the connection was closed by the far end")
        self._silence = 0.0
        self._asked = False
        return self._http2.receive(data)

    def _wait(self, deadline: float | None) -> None:
        blocked = bool(self._outgoing) or self._stream.wants_write()
        begun = time.monotonic()
        timeout = (_LOST_AFTER if self._asked else _ASK_AFTER) - self._silence
        if deadline is not None:
            timeout = min(timeout, deadline - begun)
        timeout = max(timeout, 0.0) + 0.001
        poll = select.poll()
        poll.register(self._stream.fileno(), select.POLLIN | (select.POLLOUT if blocked else 0))
        poll.register(self._wake_read, select.POLLIN)
        if self._cancellation is not None:
            poll.register(self._cancellation.fileno(), select.POLLIN)
        ready = poll.poll(timeout * 1000) if not self._stream.pending() else []
        # Not more than was asked for: the process may have been stopped meanwhile.
        self._silence += min(time.monotonic() - begun, timeout)
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
                    call.finish(
                        RpcError(
                            f"{self.peer}: {call.method}: {why}"
                            if why
                            else f"{self.peer} reset {call.method} (HTTP/2 code {code})",
                            code=Status.UNAVAILABLE,
                            temporary=True,
                        )
                    )
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

    def _forget(self, call: Call) -> None:
        if call.done:
            self._calls.pop(call.stream_id, None)
            # The answer is complete: what we would still send on this stream is of no use (RFC 9113, 8.1).
            self._http2.reset(call.stream_id)

    def _lost(self, cause: ConnectionLostError) -> DialError | ConnectionLostError:
        said, hint = str(cause), cause.hint
        if self._going_away:
            said = f"{said}; {self._going_away}"
        if not self._http2.established:
            return self._stranger(cause) if isinstance(cause, Http2Error) else self._no_answer(said, hint)
        return ConnectionLostError(f"lost {self.peer}: {said}", hint=hint, temporary=True)

    def _stranger(self, cause: Http2Error) -> DialError:
        said = str(cause) if isinstance(cause, StrangerError) else f"is not a BuildKit daemon: {cause}"
        return DialError(f"{self.peer} {said}", hint=cause.hint, temporary=True)


def _without(buffers: list[Buffer], taken: int) -> list[Buffer]:
    """Return the buffers without their first ``taken`` bytes."""
    for index, buffer in enumerate(buffers):
        if taken < len(buffer):
            return [memoryview(buffer)[taken:], *buffers[index + 1 :]]
        taken -= len(buffer)
    return []
