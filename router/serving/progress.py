"""A Status stream of a client: it continues when its build moves from one daemon to the next."""

from __future__ import annotations

import time

from google.protobuf.message import DecodeError

from router._proto import control_pb2 as pb
from router.bounds import MOST_STEPS, put
from router.errors import ConnectionLostError, RouterError
from router.faults import fault_of
from router.rpc.events import Headers
from router.rpc.grpc import MessageReader, Status, metadata, prefix, status_error
from router.rpc.http2 import Http2Connection
from router.rpc.raw import Taker
from router.rpc.streams import Source
from router.serving.gathering import OneMessage
from router.serving.pipes import Budget
from router.serving.splice import RESPONSE, Splice

__all__ = ["Progress"]

# Field 1, length-delimited: the first byte of a StatusResponse that has steps, and not only output.
_STEPS = 0x0A
# Displays show a step as canceled if its error ends like this.
_LOST = "lost with the daemon: context canceled"


class Progress(Splice):
    """One reader's stream; ``request`` is its packed StatusRequest.

    It doesn't decide the build's result: if the build fails, the stream just ends. If a daemon ends the
    stream, the client hears of that only when the build has ended, as another daemon may continue it.
    """

    repeatable = True

    def __init__(
        self, near: Http2Connection, stream_id: int, headers: Headers, budget: Budget, request: bytes
    ) -> None:
        super().__init__(near, stream_id, headers, budget)
        self._message = request
        self._ended = True
        self._running: dict[str, pb.Vertex] = {}
        self._trailers: Headers | None = None
        self._settled = False

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Ignore it: the request is complete."""

    def tell(self, message: bytes) -> None:
        """Send a message of the endpoint's own."""
        if self.over:
            return
        if not self._headed:
            self.on_head(RESPONSE)
        self._down.put(memoryview(prefix(len(message)) + message))

    def settle(self) -> None:
        """The build has ended: pass the end of the stream on, now or when it comes."""
        self._settled = True
        if self._trailers is not None:
            self.on_end(self._trailers)

    def disconnect(self) -> None:
        """Its daemon has lost the build: mark the steps that were running as canceled."""
        super().disconnect()
        self._trailers = None
        if self._running:
            lost = pb.StatusResponse(vertexes=self._running.values())
            for vertex in lost.vertexes:
                vertex.completed.FromNanoseconds(time.time_ns())
                vertex.error = _LOST
            self._running.clear()
            self.tell(lost.SerializeToString())

    def on_end(self, trailers: Headers) -> None:
        """Pass the end on, unless another daemon may continue the stream."""
        if not self._settled and self._is_provisional(trailers):
            self._trailers = trailers
        else:
            super().on_end(trailers)

    def on_loss(self, _error: RouterError) -> None:
        """End the stream with OK: the client gets the error from Solve."""
        self.refuse(Status.OK, "")

    def see(self, message: memoryview) -> None:
        """Pass a daemon's message on, and remember the steps that are running."""
        if self.over:
            return
        whole = bytes(message)
        if whole[:1] == bytes((_STEPS,)):
            self._note(whole)
        self._down.put(memoryview(prefix(len(whole)) + whole))

    def _request(self) -> Source:
        return OneMessage(self._message)

    def _taker(self) -> Taker:
        return _Messages(self)

    def _refused(self, error: ConnectionLostError) -> None:
        """Wait for the end of the build: a daemon that is shutting down may still complete it."""

    def _note(self, message: bytes) -> None:
        try:
            told = pb.StatusResponse.FromString(message)
        except DecodeError:
            return  # its client will report that
        for vertex in told.vertexes:
            if vertex.HasField("started") and not vertex.HasField("completed"):
                put(self._running, vertex.digest, vertex, MOST_STEPS)
            else:
                self._running.pop(vertex.digest, None)

    def _is_provisional(self, trailers: Headers) -> bool:
        error = status_error(metadata(trailers), "Status")
        return error is None or fault_of(error) in {"lost", "overload"}


class _Messages:
    """Takes one daemon's stream, and passes only complete messages on: a lost daemon may cut one off."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._reader = MessageReader()

    def on_head(self, headers: Headers) -> None:
        """Pass the head on, once."""
        self._progress.on_head(headers)

    def on_data(self, data: memoryview) -> None:
        """Pass complete messages on. Raises ``Http2Error`` if the data is not gRPC."""
        for message in self._reader.feed(data):
            self._progress.see(message)

    def on_end(self, trailers: Headers) -> None:
        """Report the end of the stream."""
        self._progress.on_end(trailers)

    def on_reset(self, _code: int) -> None:
        """Ignore it: Solve shows whether the build is lost."""

    def on_loss(self, _error: RouterError) -> None:
        """Ignore it: Solve shows whether the build is lost."""
