"""A real grpcio client calls the session's server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from os import urandom
from pathlib import Path
from typing import Any

import grpc
import pytest

from router.errors import UsageError
from router.net.stream import Buffer
from router.rpc.grpc import Status, prefix
from router.session.server import CallMetadata, CallRefused, StreamMethod
from tests.unit.session.daemon import Echo
from tests.wire.session.bridge import Bridge

# Half of grpcio is annotated.
_grpc: Any = grpc
_OPTIONS = [("grpc.max_receive_message_length", 16 << 20), ("grpc.max_send_message_length", 16 << 20)]
BLOCK = urandom(1 << 20)


@contextmanager
def client(bridge: Bridge) -> Iterator[Any]:
    """A client's channel to the session."""
    with bridge, _grpc.insecure_channel(bridge.target, options=_OPTIONS) as channel:
        yield channel


def failure(call: Callable[[], object]) -> tuple[int, str]:
    """The code and the message of a call that fails."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    error: Any = caught.value
    return error.code().value[0], error.details()


class Sender:
    """Sends 64 MiB, as fast as it is pulled."""

    def __init__(self, _metadata: CallMetadata) -> None:
        self.done = False
        self._left = 64

    def receive(self, message: memoryview) -> None: ...
    def end_of_input(self) -> None: ...
    def close(self) -> None: ...

    def pull(self, _size: int) -> list[Buffer] | None:
        if not self._left:
            self.done = True
            return None
        self._left -= 1
        return [prefix(len(BLOCK)), BLOCK]


class Digester:
    """Answers with the digest of everything it got."""

    def __init__(self, _metadata: CallMetadata) -> None:
        self.done = False
        self._seen = sha256()
        self._answer: list[Buffer] | None = None

    def receive(self, message: memoryview) -> None:
        self._seen.update(message)

    def end_of_input(self) -> None:
        self._answer = [prefix(32), self._seen.digest()]

    def pull(self, _size: int) -> list[Buffer] | None:
        answer, self._answer = self._answer, None
        self.done |= answer is not None
        return answer

    def close(self) -> None: ...


def test_a_unary_call_is_answered(tmp_path: Path) -> None:
    with client(Bridge(tmp_path, unary={"/a/Upper": bytes.upper})) as channel:
        assert channel.unary_unary("/a/Upper")(b"question", timeout=20) == b"QUESTION"


def test_unary_calls_are_answered_in_threads_of_their_own(tmp_path: Path) -> None:
    together = threading.Barrier(50)

    def method(request: bytes) -> bytes:
        together.wait(20)  # returns once all of them are here
        return request

    with client(Bridge(tmp_path, unary={"/a/Meet": method})) as channel:
        calls = [channel.unary_unary("/a/Meet").future(b"%d" % n, timeout=20) for n in range(50)]

        assert [call.result() for call in calls] == [b"%d" % n for n in range(50)]


def test_more_calls_than_may_be_open_wait_for_their_turn(tmp_path: Path) -> None:
    with client(Bridge(tmp_path, unary={"/a/Upper": bytes.upper})) as channel:
        calls = [channel.unary_unary("/a/Upper").future(b"x", timeout=20) for _ in range(600)]

        assert {call.result() for call in calls} == {b"X"}


def test_metadata_arrives_with_all_its_values(tmp_path: Path) -> None:
    seen: list[CallMetadata] = []

    def method(values: CallMetadata) -> Echo:
        seen.append(values)
        return Echo()

    patterns = [("followpaths", f"path/{number}") for number in range(2000)]
    bridge = Bridge(tmp_path, streaming={"/b/Echo": method})
    with client(bridge) as channel:
        list(channel.stream_stream("/b/Echo")(iter([]), metadata=patterns, timeout=20))

    assert seen[0]["followpaths"] == [value for _, value in patterns]


def test_a_method_that_nobody_serves_is_unimplemented(tmp_path: Path) -> None:
    with client(Bridge(tmp_path)) as channel:
        code, message = failure(lambda: channel.unary_unary("/a/Nothing")(b"", timeout=20))

    assert (code, message) == (Status.UNIMPLEMENTED, "unknown method /a/Nothing")


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (CallRefused(Status.NOT_FOUND, "größer\n"), (Status.NOT_FOUND, "größer\n")),
        (UsageError("can't read it"), (Status.UNKNOWN, "can't read it")),
        (
            ValueError("p4ssw0rd"),
            (Status.INTERNAL, "can't answer a call from the daemon: ValueError"),
        ),
    ],
)
def test_what_a_method_raises_is_the_status(
    tmp_path: Path, error: Exception, status: tuple[int, str]
) -> None:
    def method(_request: bytes) -> bytes:
        raise error

    with client(Bridge(tmp_path, unary={"/a/One": method})) as channel:
        assert failure(lambda: channel.unary_unary("/a/One")(b"", timeout=20)) == status


def test_sixty_four_megabytes_arrive_unchanged_at_the_daemon(tmp_path: Path) -> None:
    with client(Bridge(tmp_path, streaming={"/b/Send": Sender})) as channel:
        received = [message == BLOCK for message in channel.unary_stream("/b/Send")(b"", timeout=60)]

    assert received == [True] * 64


def test_sixty_four_megabytes_arrive_unchanged_from_the_daemon(tmp_path: Path) -> None:
    with client(Bridge(tmp_path, streaming={"/b/Digest": Digester})) as channel:
        answer = channel.stream_unary("/b/Digest")(iter([BLOCK] * 64), timeout=60)

    assert answer == sha256(BLOCK * 64).digest()


def test_transfers_in_both_directions_do_not_disturb_each_other(tmp_path: Path) -> None:
    streaming: dict[str, StreamMethod] = {"/b/Send": Sender, "/b/Digest": Digester, "/b/Echo": Echo}
    with client(Bridge(tmp_path, unary={"/a/Upper": bytes.upper}, streaming=streaming)) as channel:
        digest = channel.stream_unary("/b/Digest").future(iter([BLOCK] * 32), timeout=60)
        received = channel.unary_stream("/b/Send")(b"", timeout=60)
        echo = channel.stream_stream("/b/Echo")(iter([BLOCK * 4, b"", BLOCK]), timeout=60)

        assert channel.unary_unary("/a/Upper")(b"health", timeout=60) == b"HEALTH"
        assert list(echo) == [BLOCK * 4, b"", BLOCK]
        assert all(message == BLOCK for message in received)
        assert digest.result() == sha256(BLOCK * 32).digest()


def test_a_handler_that_fails_half_way_ends_its_call(tmp_path: Path) -> None:
    class Broken(Sender):
        def pull(self, size: int) -> list[Buffer] | None:
            if self._left == 60:
                raise UsageError("it was written to while it was being sent")
            return super().pull(size)

    received: list[bytes] = []
    bridge = Bridge(tmp_path, streaming={"/b/Broken": Broken})
    with client(bridge) as channel:
        status = failure(lambda: received.extend(channel.unary_stream("/b/Broken")(b"", timeout=20)))

    assert status == (Status.UNKNOWN, "it was written to while it was being sent")
    assert [str(error) for error in bridge.session.failures] == [status[1]]


def test_a_call_that_the_daemon_gives_up_is_closed(tmp_path: Path) -> None:
    closed = threading.Event()

    class Given(Sender):
        def close(self) -> None:
            closed.set()

    with client(Bridge(tmp_path, streaming={"/b/Send": Given})) as channel:
        call = channel.unary_stream("/b/Send")(b"", timeout=20)
        assert next(call) == BLOCK
        call.cancel()

        assert closed.wait(20)


def test_calls_under_way_are_closed_with_the_session(tmp_path: Path) -> None:
    handler = Echo()
    with client(Bridge(tmp_path, streaming={"/b/Echo": lambda _: handler})) as channel:
        release = threading.Event()

        def requests() -> Iterator[bytes]:
            yield b"one"
            release.wait(20)

        call = channel.stream_stream("/b/Echo")(requests(), timeout=20)
        assert next(call) == b"one"
        channel.close()
        release.set()

    assert handler.closed == 1
