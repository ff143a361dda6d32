"""Both engines and a real grpcio server, over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from hashlib import sha256
from os import urandom
from typing import get_args

import pytest

from router._proto.status_pb2 import Status as StatusMessage
from router.address import parse_address
from router.cancellation import Cancellation
from router.errors import CancelledError, ConnectionLostError, DialError, RpcError
from router.model.routing import GrpcEngine
from router.net.stream import Buffer
from router.rpc import RpcChannel, open_channel
from router.rpc.grpc import Status, prefix
from router.transport.options import DialOptions
from tests.wire.rpc.grpc_server import MEBIBYTE, Server, ask_for_peers


@pytest.fixture(scope="module")
def shared() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.fixture(params=get_args(GrpcEngine))
def engine(request: pytest.FixtureRequest) -> GrpcEngine:
    found: GrpcEngine = request.param
    return found


@pytest.fixture
def channel(shared: Server, engine: GrpcEngine) -> Iterator[RpcChannel]:
    with connect(shared.port, engine) as channel:
        yield channel


@pytest.fixture
def own() -> Iterator[Server]:
    """A server that a test may stop."""
    with Server() as server:
        yield server


def connect(port: int, engine: GrpcEngine, cancellation: Cancellation | None = None) -> RpcChannel:
    options = DialOptions(grpc_engine=engine)
    peer = f"127.0.0.1:{port}"
    return open_channel(parse_address(f"tcp://{peer}"), options, peer=peer, cancellation=cancellation)


class Messages:
    """A source of messages, one or more at each pull."""

    def __init__(self, messages: Sequence[bytes]) -> None:
        self.left = list(messages)

    def pull(self, _size: int) -> list[Buffer] | None:
        if not self.left:
            return None
        message = self.left.pop(0)
        return [prefix(len(message)), message]


def test_a_unary_call_is_answered(channel: RpcChannel) -> None:
    assert channel.unary("/test.Service/Echo", b"hello", timeout=20) == b"hello"


def test_an_empty_message_is_a_message(channel: RpcChannel) -> None:
    assert channel.unary("/test.Service/Echo", b"", timeout=20) == b""


def test_many_calls_share_a_connection(channel: RpcChannel) -> None:
    for number in range(200):
        assert channel.unary("/test.Service/Echo", b"%d" % number, timeout=20) == b"%d" % number


def test_a_stream_of_answers_arrives_in_order(channel: RpcChannel) -> None:
    answers: list[bytes] = []
    call = channel.start(
        "/test.Service/Count", request=b"5000", on_message=lambda message: answers.append(bytes(message))
    )

    channel.run(lambda: call.done, timeout=20)

    assert call.error is None
    assert answers == [b"%d" % number for number in range(5000)]


def test_large_messages_come_back_as_they_went(channel: RpcChannel) -> None:
    messages = [urandom(size) for size in (5_000_000, 1, 3 << 20, 16_384, 9_000_001, 65_535)]
    answers: list[bytes] = []
    call = channel.start(
        "/test.Service/Chat",
        source=Messages(messages),
        on_message=lambda message: answers.append(bytes(message)),
    )
    channel.end(call)

    channel.run(lambda: call.done, timeout=20)

    assert call.error is None
    assert answers == messages


def test_a_hundred_megabytes_arrive_unchanged_at_the_server(channel: RpcChannel) -> None:
    messages = [urandom(1 << 20) for _ in range(100)]
    answers: list[bytes] = []
    call = channel.start(
        "/test.Service/Digest",
        source=Messages(messages),
        on_message=lambda message: answers.append(bytes(message)),
    )
    channel.end(call)

    channel.run(lambda: call.done, timeout=60)

    assert call.error is None
    assert answers == [sha256(b"".join(messages)).digest()]


def test_a_hundred_megabytes_arrive_unchanged_from_the_server(channel: RpcChannel) -> None:
    seen = sha256()
    call = channel.start("/test.Service/Large", request=b"25", on_message=seen.update)

    channel.run(lambda: call.done, timeout=60)

    assert call.error is None
    assert seen.digest() == sha256(MEBIBYTE * 100).digest()


def test_two_calls_move_along_together(channel: RpcChannel) -> None:
    sizes = {"large": 0, "count": 0}

    def heard(name: str, message: memoryview) -> None:
        sizes[name] += len(message)

    large = channel.start(
        "/test.Service/Large", request=b"4", on_message=lambda message: heard("large", message)
    )
    count = channel.start(
        "/test.Service/Count", request=b"1000", on_message=lambda message: heard("count", message)
    )
    channel.run(lambda: large.done and count.done, timeout=20)

    assert (large.error, count.error) == (None, None)
    assert sizes == {"large": 16 << 20, "count": 10 + 180 + 2700}


def test_an_error_has_its_code_its_text_and_its_details(channel: RpcChannel) -> None:
    status = StatusMessage(code=9, message="refused")
    status.details.add(type_url="type.googleapis.com/errdefs.Source", value=bytes(range(256)))

    with pytest.raises(RpcError) as caught:
        channel.unary("/test.Service/Fail", status.SerializeToString(), timeout=20)

    assert str(caught.value) == "größer als 100 % ist verweigert\n"
    assert caught.value.code == Status.FAILED_PRECONDITION
    assert caught.value.details == (("type.googleapis.com/errdefs.Source", bytes(range(256))),)


def test_a_method_that_is_not_there_is_unimplemented(channel: RpcChannel) -> None:
    with pytest.raises(RpcError) as caught:
        channel.unary("/test.Service/Nothing", b"", timeout=20)

    assert caught.value.code == Status.UNIMPLEMENTED


def test_metadata_arrives_with_all_its_values(channel: RpcChannel) -> None:
    pairs = [("x-one", "1"), ("x-two", "a b"), ("x-two", "c"), ("x-long", "y" * 7000)]
    answers: list[bytes] = []
    call = channel.start(
        "/test.Service/Metadata",
        request=b"",
        metadata=pairs,
        on_message=lambda message: answers.append(bytes(message)),
    )

    channel.run(lambda: call.done, timeout=20)

    assert answers == [repr(pairs).encode()]


def test_a_call_that_is_not_answered_misses_its_deadline_and_is_given_up(
    own: Server, engine: GrpcEngine
) -> None:
    with connect(own.port, engine) as channel:
        with pytest.raises(DialError, match=f"127.0.0.1:{own.port} did not answer in time"):
            channel.unary("/test.Service/Wait", b"", timeout=0.3)

        assert channel.unary("/test.Service/Echo", b"still here", timeout=20) == b"still here"
        assert own.service.cancelled.wait(20)


def test_a_cancelled_call_is_cancelled_on_the_server(own: Server, engine: GrpcEngine) -> None:
    with connect(own.port, engine) as channel:
        call = channel.start("/test.Service/Wait", request=b"", on_message=lambda _: None)
        channel.unary("/test.Service/Echo", b"", timeout=20)
        own.service.waiting.wait(20)

        channel.cancel(call)
        channel.unary("/test.Service/Echo", b"", timeout=20)

        assert own.service.cancelled.wait(20)
        assert isinstance(call.error, RpcError)
        assert call.error.code == Status.CANCELLED


def test_a_cancellation_from_another_thread_ends_a_call(own: Server, engine: GrpcEngine) -> None:
    with Cancellation() as cancellation, connect(own.port, engine, cancellation) as channel:

        def cancel() -> None:
            own.service.waiting.wait(20)
            cancellation.cancel()

        thread = threading.Thread(target=cancel)
        thread.start()

        with pytest.raises(CancelledError):
            channel.unary("/test.Service/Wait", b"", timeout=20)

        thread.join()


def test_a_server_that_stops_ends_the_calls_under_way(own: Server, engine: GrpcEngine) -> None:
    with connect(own.port, engine) as channel:

        def stop() -> None:
            own.service.waiting.wait(20)
            own.stop()

        thread = threading.Thread(target=stop)
        thread.start()

        with pytest.raises((RpcError, ConnectionLostError)):
            channel.unary("/test.Service/Wait", b"", timeout=20)
        thread.join()


def test_a_server_that_stops_with_grace_completes_what_it_has_begun(own: Server, engine: GrpcEngine) -> None:
    with connect(own.port, engine) as channel:

        def stop() -> None:
            own.service.waiting.wait(20)
            own.stop(grace=20)

        thread = threading.Thread(target=stop)
        thread.start()

        assert channel.unary("/test.Service/Wait", b"", timeout=20) == b"at last"
        thread.join()


def test_a_server_that_has_stopped_takes_no_call(own: Server, engine: GrpcEngine) -> None:
    with connect(own.port, engine) as channel:
        channel.unary("/test.Service/Echo", b"", timeout=20)
        own.stop()

        with pytest.raises((RpcError, ConnectionLostError)) as caught:
            channel.unary("/test.Service/Echo", b"", timeout=20)

        assert caught.value.temporary


def test_a_connection_that_goes_away_completes_its_call_and_is_not_replaced(engine: GrpcEngine) -> None:
    peers: set[bytes] = set()
    with Server(max_age=0.5) as server, connect(server.port, engine) as channel:
        begun = channel.start("/test.Service/Wait", request=b"", on_message=lambda _: None)

        with pytest.raises(ConnectionLostError) as caught:
            ask_for_peers(channel, peers)
        with pytest.raises(ConnectionLostError, match="takes no more calls"):
            channel.start("/test.Service/Peer", request=b"", on_message=lambda _: None)
        server.service.released.set()
        channel.run(lambda: begun.done, timeout=20)

    assert caught.value.temporary
    assert len(peers) == 1
    assert begun.error is None


def test_a_server_that_is_unavailable_in_its_own_words_is_not_lost(channel: RpcChannel) -> None:
    with pytest.raises(RpcError) as caught:
        channel.unary("/test.Service/Refuse", b"", timeout=20)

    assert caught.value.code == Status.UNAVAILABLE
    assert caught.value.temporary
    assert str(caught.value).endswith("full of work")
    assert channel.unary("/test.Service/Echo", b"still here", timeout=20) == b"still here"
