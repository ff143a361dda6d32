"""The server inside Control.Session: tells the daemon's calls apart and answers them.

The bytes of an inner HTTP/2 connection travel as BytesMessages on one call of the outer one. This module
joins the two; each service is in a module of its own. A streaming service works in the thread that drives the
connection, because the speed depends on it; a unary one may have to wait for a program or the network, so it
gets a thread.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol, TypeVar, runtime_checkable

from router.errors import RouterError
from router.net.stream import Buffer
from router.rpc.grpc import MessageReader, Status, metadata, prefix, status_headers
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

__all__ = [
    "CallMetadata",
    "CallRefused",
    "SessionServer",
    "SlowHandler",
    "StreamHandler",
    "StreamMethod",
    "UnaryMethod",
]

# Measured against buildkitd: 32 KiB takes 1.5 times as long as this.
_BYTES_MESSAGE = 1024 * 1024
# The limit for a unary request. Without it a hostile daemon could make 200 calls hold 3 GiB.
_MAX_REQUEST = 1024 * 1024
# Calls that the daemon cancelled keep their thread until it notices.
_MAX_THREADS = 200
# Limits the work of one step on a message that consists of very small frames.
_STEP = 64 * 1024
_MOST_FAILURES = 32
# How long close() waits for all threads together. Each has a deadline of its own.
_JOIN = 0.5

CallMetadata = Mapping[str, Sequence[str]]
_T = TypeVar("_T")


class CallRefused(Exception):  # noqa: N818 - an answer, not a fault
    """Ends a call with this gRPC status; for services to raise.

    ``failure`` is the cause on this side, in words that the daemon need not see.
    """

    def __init__(self, code: int, message: str, failure: RouterError | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.failure = failure


class StreamHandler(Protocol):
    """One streaming call. All methods are called from the thread that drives the connection."""

    @property
    def done(self) -> bool:
        """Whether the call is complete: it ends with OK once ``pull`` returns nothing more."""

    def receive(self, message: memoryview) -> None:
        """Take a message; the view is valid only until this returns."""

    def end_of_input(self) -> None:
        """The daemon will send no more."""

    def pull(self, size: int) -> Sequence[Buffer] | None:
        """Return framed messages of about ``size`` bytes, None if there are none now."""

    def close(self) -> None:
        """The call is over, complete or not."""


@runtime_checkable
class SlowHandler(StreamHandler, Protocol):
    """A streaming call that can't always handle messages as fast as they come."""

    @property
    def full(self) -> bool:
        """Whether the daemon should pause. ``wake`` is called when this changes to False."""


StreamMethod = Callable[[CallMetadata], StreamHandler]
UnaryMethod = Callable[[bytes], bytes]


class _Call:
    """A call of the daemon: a stream, and its handler."""

    def __init__(self, stream_id: int, method: UnaryMethod | None, values: CallMetadata) -> None:
        self.stream_id = stream_id
        self.method = method
        self.metadata = values
        self.handler: StreamHandler | None = None
        self.reader = MessageReader() if method is None else MessageReader(limit=_MAX_REQUEST)
        self.request = b""


class SessionServer:
    """Serves one session. ``receive`` and ``pull`` move BytesMessages; ``wake`` is called, from another
    thread, if there is something to pull although nothing was received.

    ``failures`` keeps the faults of this side, so that a build that fails because of one reports the cause
    and not the daemon's echo of it; ``failed_streams`` keeps the requests of streaming calls that failed.
    """

    def __init__(
        self,
        *,
        unary: Mapping[str, UnaryMethod],
        streaming: Mapping[str, StreamMethod],
        wake: Callable[[], None],
    ) -> None:
        self.failures: list[RouterError] = []
        self.failed_streams: list[CallMetadata] = []
        self._unary = unary
        self._streaming = streaming
        self._wake = wake
        self._http2 = Http2Connection(client=False)
        self._calls: dict[int, _Call] = {}
        self._slow: dict[int, SlowHandler] = {}
        self._answers: deque[tuple[int, int, bytes | str]] = deque()
        self._threads: list[threading.Thread] = []
        self._newest = 0
        self._closed = False

    @property
    def methods(self) -> tuple[str, ...]:
        """The paths of all methods; the daemon wants them when the session opens."""
        return (*self._unary, *self._streaming)

    def receive(self, message: memoryview) -> None:
        """Take one BytesMessage from the daemon. Raises ``Http2Error`` if it is invalid."""
        data = bytes_field(message)
        for start in range(0, len(data), _STEP):
            for event in self._http2.receive(data[start : start + _STEP]):
                self._dispatch(event)

    def pull(self, size: int) -> Sequence[Buffer] | None:
        """Return the next BytesMessage, framed, or None if there is nothing to send."""
        while self._answers:
            self._answer(*self._answers.popleft())
        for stream_id, handler in self._slow.items():
            self._http2.hold(stream_id, held=handler.full)
        inner = self._http2.take(min(size, _BYTES_MESSAGE))
        if not inner:
            return None
        data = b"".join(inner)
        header = bytes_message_header(len(data))
        return [prefix(len(header) + len(data)) + header, data]

    def close(self) -> None:
        """End every call, and join the threads that end within half a second."""
        self._closed = True
        for stream_id in tuple(self._calls):
            self._drop(stream_id)
        deadline = time.monotonic() + _JOIN
        for thread in self._threads:
            thread.join(timeout=max(deadline - time.monotonic(), 0))

    def _dispatch(self, event: Event) -> None:
        match event:
            case DataReceived(stream_id, data, ended):
                if (call := self._calls.get(stream_id)) is not None:
                    self._guarded(call, partial(self._data, call, data, ended=ended))
            case HeadersReceived(stream_id, headers, ended):
                if (call := self._calls.get(stream_id)) is not None:
                    self._guarded(call, partial(self._data, call, memoryview(b""), ended=ended))
                elif stream_id > self._newest:  # else it belongs to a call that is over
                    self._newest = stream_id
                    self._open(stream_id, metadata(headers), ended=ended)
            case StreamReset(stream_id, _, _):
                self._drop(stream_id)
            case GoAwayReceived() | PingAcknowledged():
                pass  # the outer connection says when the session is over

    def _open(self, stream_id: int, values: CallMetadata, *, ended: bool) -> None:
        path = values.get(":path", [""])[0]
        call = _Call(stream_id, self._unary.get(path), values)
        self._calls[stream_id] = call
        self._http2.send_headers(stream_id, [(b":status", b"200"), (b"content-type", b"application/grpc")])
        method = self._streaming.get(path)
        if method is not None:
            self._guarded(call, partial(self._start, call, method, values, ended=ended))
        elif call.method is None:
            self._finish(call, Status.UNIMPLEMENTED, f"unknown method {path}")
        elif ended:
            self._finish(call, Status.INVALID_ARGUMENT, f"the call of {path} has no request")

    def _start(self, call: _Call, method: StreamMethod, values: CallMetadata, *, ended: bool) -> None:
        call.handler = method(values)
        if isinstance(call.handler, SlowHandler):
            self._slow[call.stream_id] = call.handler
        self._http2.set_source(call.stream_id, _Outgoing(self, call))
        if ended:
            call.handler.end_of_input()

    def _data(self, call: _Call, data: memoryview, *, ended: bool) -> None:
        for message in call.reader.feed(data):
            if call.handler is not None:
                call.handler.receive(message)
                if call.stream_id in self._slow:
                    self._http2.hold(call.stream_id, held=self._slow[call.stream_id].full)
            else:
                call.request = bytes(message)
        if not ended:
            return
        if call.reader.incomplete:
            raise Http2Error("the daemon ended a call inside a message")
        if call.handler is not None:
            call.handler.end_of_input()
        elif call.method is not None:
            self._run_unary(call.stream_id, call.method, call.request)

    def _run_unary(self, stream_id: int, method: UnaryMethod, request: bytes) -> None:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        if len(self._threads) >= _MAX_THREADS:
            raise CallRefused(Status.RESOURCE_EXHAUSTED, f"{_MAX_THREADS} calls are still in progress")
        thread = threading.Thread(
            target=self._unary_thread, args=(stream_id, method, request), name="session", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _unary_thread(self, stream_id: int, method: UnaryMethod, request: bytes) -> None:
        try:
            self._answers.append((stream_id, Status.OK, method(request)))
        except Exception as exc:  # noqa: BLE001 - in every case the daemon must get an answer
            self._answers.append((stream_id, *self._status(exc)))
        if not self._closed:
            self._wake()

    def _answer(self, stream_id: int, code: int, answer: bytes | str) -> None:
        call = self._calls.get(stream_id)
        if call is None:
            return  # the daemon has cancelled the call
        if isinstance(answer, bytes):
            self._http2.send(stream_id, prefix(len(answer)) + answer)
            self._finish(call, code, "")
        else:
            self._finish(call, code, answer)

    def _guarded(self, call: _Call, action: Callable[[], _T]) -> _T | None:
        """Run a handler; an exception ends its call and no other."""
        try:
            return action()
        except Exception as exc:  # noqa: BLE001 - as in a thread
            if len(self.failed_streams) < _MOST_FAILURES:
                self.failed_streams.append(call.metadata)
            self._finish(call, *self._status(exc))
            return None

    def _status(self, exc: Exception) -> tuple[int, str]:
        """Return the status for a service's exception, and keep it if the fault is on this side."""
        if isinstance(exc, CallRefused):
            if exc.failure is not None:
                self.failures.append(exc.failure)
            return exc.code, str(exc)
        if isinstance(exc, RouterError):
            self._fail(exc)
            return Status.UNKNOWN, str(exc)
        # Its text is left out: it is unknown, and may hold a secret.
        error = RouterError(f"can't answer a call from the daemon: {type(exc).__name__}")
        error.__cause__ = exc
        self._fail(error)
        return Status.INTERNAL, str(error)

    def _fail(self, error: RouterError) -> None:
        # A daemon can call any number of times; the first causes explain the most.
        if len(self.failures) < _MOST_FAILURES:
            self.failures.append(error)

    def pull_from(self, call: _Call, size: int) -> Sequence[Buffer] | None:
        """Return the messages that a streaming call sends now; end the call when it is complete."""
        handler = call.handler
        if handler is None or call.stream_id not in self._calls:
            return None
        buffers = self._guarded(call, partial(handler.pull, size))
        if not buffers and handler.done and call.stream_id in self._calls:
            self._finish(call, Status.OK, "")
        return buffers

    def _finish(self, call: _Call, code: int, message: str) -> None:
        self._http2.finish(call.stream_id, status_headers(code, message))
        self._drop(call.stream_id)

    def _drop(self, stream_id: int) -> None:
        call = self._calls.pop(stream_id, None)
        self._slow.pop(stream_id, None)
        if call is None or call.handler is None:
            return
        try:
            call.handler.close()
        except RouterError as exc:
            self._fail(exc)


class _Outgoing:
    """The source of one streaming call."""

    def __init__(self, server: SessionServer, call: _Call) -> None:
        self._server = server
        self._call = call

    def pull(self, size: int) -> Sequence[Buffer] | None:
        return self._server.pull_from(self._call, size)
