"""A reader of a build's progress, from one daemon to the next."""

from __future__ import annotations

from router._proto import control_pb2 as pb
from router.errors import RpcError
from router.rpc import RpcCall
from router.rpc.events import Headers
from router.rpc.grpc import prefix, status_headers
from router.rpc.http2 import Http2Connection
from router.rpc.raw import RawCall, Taker
from router.rpc.streams import Source
from router.serving.pipes import Budget
from router.serving.progress import Progress
from router.serving.splice import RESPONSE

_HEADERS: Headers = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/moby.buildkit.v1.Control/Status"),
    (b":authority", b"localhost"),
)


class Far:
    """A daemon; ``holds`` is what it was told of pauses."""

    def __init__(self) -> None:
        self.calls: list[RawCall] = []
        self.holds: list[bool] = []
        self.cancelled: list[RpcCall] = []

    def begin(self, _headers: Headers, taker: Taker, _source: Source) -> RawCall:
        self.calls.append(RawCall("Status", taker))
        return self.calls[-1]

    def end(self, call: RpcCall) -> None:
        """There is nothing more to say."""

    def cancel(self, call: RpcCall) -> None:
        self.cancelled.append(call)
        call.finish(RpcError("canceled", code=1))

    def hold(self, _call: RpcCall, *, held: bool) -> None:
        self.holds.append(held)


class Reader:
    """A client that reads the progress of a build when it likes."""

    def __init__(self) -> None:
        self._client = Http2Connection(client=True)
        self._server = Http2Connection(client=False)
        stream_id = self._client.open_stream(_HEADERS)
        self._pass(self._client, self._server)
        self.progress = Progress(self._server, stream_id, _HEADERS, Budget(1 << 30), b"")

    def read(self) -> None:
        """Read all there is."""
        while self._pass(self._server, self._client):
            self._pass(self._client, self._server)

    @staticmethod
    def _pass(source: Http2Connection, target: Http2Connection) -> bool:
        data = b"".join(source.take(1 << 20))
        target.receive(data)
        return bool(data)


def _framed(size: int) -> memoryview:
    message = pb.StatusResponse(logs=[pb.VertexLog(msg=bytes(size))]).SerializeToString()
    return memoryview(prefix(len(message)) + message)


def test_the_next_daemon_pauses_too_for_a_reader_that_does_not_read() -> None:
    first, second, reader = Far(), Far(), Reader()
    reader.progress.connect(first)
    first.calls[0].on_headers(RESPONSE, ended=False)
    first.calls[0].on_data(_framed(5 << 20), ended=False)
    reader.progress.disconnect()

    reader.progress.connect(second)

    assert (first.holds, second.holds) == ([True], [True])
    assert first.cancelled == first.calls
    reader.read()
    assert second.holds == [True, False]


def test_what_an_old_daemon_still_says_is_not_heard() -> None:
    first, second, reader = Far(), Far(), Reader()
    reader.progress.connect(first)
    reader.progress.disconnect()
    reader.progress.connect(second)

    first.calls[0].taker.on_end(status_headers(13, "too late"))

    assert not reader.progress.over


def test_an_end_counts_when_the_build_is_over() -> None:
    far, reader = Far(), Reader()
    reader.progress.connect(far)
    far.calls[0].on_headers(RESPONSE, ended=False)
    far.calls[0].on_headers(status_headers(0), ended=True)
    early = reader.progress.over

    reader.progress.settle()

    assert (early, reader.progress.over) == (False, True)


def test_an_error_of_the_reader_s_own_counts_at_once() -> None:
    far, reader = Far(), Reader()
    reader.progress.connect(far)

    far.calls[0].on_headers(status_headers(5, "no such job"), ended=True)

    assert reader.progress.over
