"""The second engine: the package grpcio, for a proxy or a peer that the one of our own doesn't get on with.

grpcio works in threads of its own and hands out blocking iterators. Here a thread for each call listens, and
hands over to the thread in ``run``, at most eight messages ahead; what is sent is pulled there, two ahead.

A connection that was lost, or goes away, stays lost: grpcio would connect again, but finds no way to.
"""

from __future__ import annotations

import select
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from math import inf
from queue import SimpleQueue
from typing import Any

import grpc

from router.cancellation import Cancellation
from router.errors import ConnectionLostError, DialError, RouterError, RpcError
from router.model.address import Address, TcpAddress
from router.rpc.contract import MessageHandler, RpcCall, RpcChannel
from router.rpc.grpc import MessageReader, Status, status_details
from router.rpc.grpcio_connection import connect
from router.rpc.streams import Source
from router.transport import dial
from router.transport.options import DialOptions

__all__ = ["GrpcioChannel"]

_PULL_SIZE, _SENT_AHEAD, _HEARD_AHEAD = 1 << 20, 2, 8
_READY = grpc.ChannelConnectivity.READY.value[0]
# Seconds for the listeners to end, all together.
_JOIN = 0.5


class _Call(RpcCall):
    """A call, and what is between its threads."""

    def __init__(self, method: str, on_message: MessageHandler, source: Source | None) -> None:
        super().__init__(method)
        self.on_message = on_message
        self.source = source
        self.ending = False
        self.framed = MessageReader()
        self.outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self.room = threading.Semaphore(_HEARD_AHEAD)
        self.responses: Any = None

    def give_up(self) -> None:
        """Let grpcio's thread and the listener go."""
        self.responses.cancel()
        self.outgoing.put(None)
        self.room.release(_HEARD_AHEAD)


class GrpcioChannel(RpcChannel):
    """A channel of grpcio's. Connects when it is made, and raises then what ``run`` raises."""

    def __init__(
        self, address: Address, options: DialOptions, *, peer: str, cancellation: Cancellation | None = None
    ) -> None:
        self._channel, self._bridge = connect(address, options)
        super().__init__(peer)
        self._address, self._options, self._cancellation = address, options, cancellation
        self._calls: dict[int, _Call] = {}
        self._started = 0
        self._heard: deque[tuple[_Call, bytes | None]] = deque()
        self._listeners: list[threading.Thread] = []
        self._ready = self._gone = self._closed = False
        try:
            # Any answer will do. What ends a later call has been lost, and was not refused.
            greeting = self.start("/grpc.health.v1.Health/Check", request=b"", on_message=lambda _: None)
            self.run(lambda: greeting.done, timeout=options.timeout)
            self._ready = True
        except BaseException:
            self.close()
            raise

    def start(
        self,
        method: str,
        *,
        on_message: MessageHandler,
        request: bytes | None = None,
        source: Source | None = None,
        metadata: Sequence[tuple[str, str]] = (),
    ) -> RpcCall:
        if self._ready and not self._connected():
            raise ConnectionLostError(f"{self.peer} takes no more calls", temporary=True)
        call = _Call(method, on_message, source)
        pairs = tuple((name.lower(), value) for name, value in (*metadata, *self.carried))
        if request is None:
            call.responses = self._channel.stream_stream(method)(self._requests(call), metadata=pairs)
        else:
            call.responses = self._channel.unary_stream(method)(request, metadata=pairs)
        self._started += 1
        call.stream_id = self._started
        self._calls[call.stream_id] = call
        listener = threading.Thread(target=self._listen, args=(call,), name="grpcio", daemon=True)
        self._listeners = [*(thread for thread in self._listeners if thread.is_alive()), listener]
        listener.start()
        return call

    def end(self, call: RpcCall) -> None:
        if (own := self._calls.get(call.stream_id)) is not None:
            own.ending = True

    def cancel(self, call: RpcCall) -> None:
        if (own := self._calls.pop(call.stream_id, None)) is not None:
            own.give_up()
        call.finish(RpcError(f"{call.method} was canceled", code=Status.CANCELLED))

    def handshake(self, timeout: float) -> None:
        """Return at once: the peer has answered when the channel is made."""

    def run(self, until: Callable[[], bool], *, timeout: float | None = None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not until():
            if self._cancellation is not None:
                self._cancellation.check()
            if deadline is not None and time.monotonic() >= deadline:
                raise self._late()
            if self._ready and not self._calls and not self._connected():
                raise self._broken("the connection was closed")
            if not self._pull() | self._hand_over():
                self._wait_to_be_woken(self._cancellation, deadline)

    def register(self, poll: select.poll) -> float:
        """Tell it nothing: grpcio hears the peer in threads of its own, and answers it."""
        del poll
        return inf

    def close(self) -> None:
        """Cancel what is under way, and close the connection."""
        if self._closed:
            return
        self._closed = True
        for call in self._calls.values():
            call.give_up()
        self._channel.close()
        self._bridge.close()
        ends = time.monotonic() + _JOIN
        for thread in self._listeners:
            thread.join(max(0.0, ends - time.monotonic()))
        self._end_waking()

    def _pull(self) -> bool:
        """Take from the sources what there is room for; say whether there was anything."""
        moved = False
        for call in tuple(self._calls.values()):
            if call.source is None or call.outgoing.qsize() >= _SENT_AHEAD:
                continue
            if buffers := call.source.pull(_PULL_SIZE):
                for message in call.framed.feed(memoryview(b"".join(buffers))):
                    call.outgoing.put(bytes(message))
                moved = True
            elif call.ending:
                call.source = None
                call.outgoing.put(None)
        return moved

    def _hand_over(self) -> bool:
        """Hand over what has been heard so far; say whether there was anything."""
        count = len(self._heard)
        for _ in range(count):
            call, message = self._heard.popleft()
            call.room.release()
            if call.done:
                continue  # given up meanwhile
            if message is not None:
                call.on_message(memoryview(message))
            else:
                del self._calls[call.stream_id]
                call.outgoing.put(None)
                call.finish(self._error(call))
        return count > 0

    def _error(self, call: _Call) -> RpcError | None:
        """Return how a call ended. Raises what ``run`` does where the connection ended it."""
        code, trailers = call.responses.code().value[0], dict(call.responses.trailing_metadata() or ())
        text = call.responses.details() or f"{call.method} failed with gRPC status {code}"
        if code == Status.OK:
            return None
        if code == Status.UNAVAILABLE and not self._connected():
            raise self._broken(text)
        details = status_details(trailers.get("grpc-status-details-bin", b""))
        return RpcError(text, code=code, details=details, temporary=code == Status.UNAVAILABLE)

    def _connected(self) -> bool:
        """Say whether the connection takes calls. One that takes none never will: there is no other."""
        inner = self._channel._channel  # noqa: SLF001 - subscribe tells of a loss later than the call it ended
        self._gone = self._gone or inner.check_connectivity_state(False) != _READY
        return not self._gone

    def _broken(self, why: str) -> RouterError:
        fault = self._bridge.fault
        if isinstance(fault, DialError):
            return fault
        said, hint = (str(fault), fault.hint) if fault is not None else (why, None)
        if self._ready:
            reason = "silent" if "ping timeout" in why else None
            return ConnectionLostError(f"lost {self.peer}: {said}", hint=hint, reason=reason, temporary=True)
        if isinstance(self._address, TcpAddress) and self._options.tls is not None:
            try:  # the other engine has better words for a certificate that is wrong
                dial(self._address, self._options).close()
            except RouterError as exc:
                return exc
        return self._no_answer(said, hint)

    def _requests(self, call: _Call) -> Iterator[bytes]:
        while (message := call.outgoing.get()) is not None:
            self.wake()
            yield message

    def _listen(self, call: _Call) -> None:
        try:
            for message in call.responses:
                call.room.acquire()
                self._heard.append((call, message))
                self.wake()
        except grpc.RpcError:
            pass  # read from the call when the messages before it are handed over
        self._heard.append((call, None))
        self.wake()
