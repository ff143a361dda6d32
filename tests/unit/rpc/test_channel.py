"""The channel over a socket pair, whose other end says exactly what a test wants."""

from __future__ import annotations

import fcntl
import re
import socket
import threading
import time
from collections.abc import Iterator, Sequence

import pytest

from router.cancellation import Cancellation
from router.errors import CancelledError, ConnectionLostError, DialError, RpcError
from router.net.sockets import SocketStream
from router.net.stream import Buffer
from router.rpc import channel as channel_module
from router.rpc.channel import Channel
from router.rpc.frames import FrameType, frame, goaway, rst_stream
from router.rpc.frames import settings as settings_frame
from router.rpc.grpc import Status, prefix
from router.rpc.headers import header_frames
from router.rpc.http2 import (
    DataReceived,
    Event,
    GoAwayReceived,
    HeadersReceived,
    Http2Connection,
    StreamReset,
)
from router.rpc.protobuf import bytes_field
from tests.unit.rpc.peers import RESPONSE, joined

OK = [(b"grpc-status", b"0")]
HEAD = joined(header_frames(1, RESPONSE, end=False))
TAIL = joined(header_frames(1, OK, end=True))


def answer(message: bytes, stream_id: int = 1) -> bytes:
    """A whole answer to a call."""
    return (
        joined(header_frames(stream_id, RESPONSE, end=False))
        + frame(FrameType.DATA, 0, stream_id, prefix(len(message)) + message)
        + joined(header_frames(stream_id, OK, end=True))
    )


class Daemon:
    """The far end: says what it is told to, and hears what the channel said."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._http2 = Http2Connection(client=False)

    def say(self, wire: bytes) -> None:
        self.socket.sendall(wire)

    def greet(self, *wires: bytes) -> None:
        self.say(settings_frame({}) + b"".join(wires))

    def heard(self) -> list[Event]:
        """All that the channel has sent; to be asked once."""
        self.socket.settimeout(10)
        return self._http2.receive(b"".join(iter(lambda: self.socket.recv(1 << 20), b"")))

    def answers(self) -> list[Buffer]:
        """What an HTTP/2 server answers to what it has heard."""
        return self._http2.take(0)


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Daemon]]:
    ours, theirs = socket.socketpair()
    with theirs, Channel(SocketStream(ours, "a pair"), peer="warm-0") as channel:
        yield channel, Daemon(theirs)


class Chatter:
    """A stream on which the same bytes arrive without end."""

    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        self._first = settings_frame({})

    def fileno(self) -> int:
        raise AssertionError("there is never a reason to wait")

    def recv(self) -> bytes | None:
        first, self._first = self._first, b""
        return first + self._wire

    def send(self, buffers: Sequence[Buffer]) -> int:
        return sum(map(len, buffers))

    def pending(self) -> bool:
        return True

    def wants_write(self) -> bool:
        return False

    def flush(self) -> None: ...

    def finish(self) -> bool:
        return False

    def close(self) -> None: ...


def test_a_unary_call_gives_the_answer(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet(answer(b"pong"))

    assert channel.unary("/service/Method", b"ping", timeout=10) == b"pong"


def test_a_call_without_an_answer_is_an_error(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet(HEAD, TAIL)

    with pytest.raises(RpcError, match="ended without an answer"):
        channel.unary("/service/Method", b"", timeout=10)


def test_an_answer_that_ends_inside_of_a_message_is_an_error(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet(HEAD, frame(FrameType.DATA, 0, 1, prefix(10) + b"half"), TAIL)

    with pytest.raises(RpcError, match="ends inside of a message") as caught:
        channel.unary("/service/Method", b"", timeout=10)

    assert caught.value.code == Status.INTERNAL


def test_a_daemon_that_talks_without_answering_misses_the_deadline() -> None:
    with (
        Channel(Chatter(frame(FrameType.PING, 0, 0, bytes(8))), peer="warm-0") as channel,
        pytest.raises(DialError, match="warm-0 did not answer in time"),
    ):
        channel.unary("/service/Method", b"", timeout=0.05)


def test_a_call_that_missed_its_deadline_is_given_up(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet()

    with pytest.raises(DialError):
        channel.unary("/service/Method", b"", timeout=0.02)
    channel.close()

    assert StreamReset(1, 8) in daemon.heard()


def test_time_between_two_runs_is_no_silence(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet()
    channel._silence = 1000

    with pytest.raises(DialError, match="in time"):
        channel.run(lambda: False, timeout=0.02)


def test_time_that_a_handler_takes_is_no_silence(
    ends: tuple[Channel, Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, daemon = ends
    daemon.greet(answer(b"pong"))
    monkeypatch.setattr(channel_module, "_ASK_AFTER", 0.01)
    monkeypatch.setattr(channel_module, "_LOST_AFTER", 0.02)
    busy = time.monotonic() + 0.1

    def work(_message: memoryview) -> None:
        while time.monotonic() < busy:
            pass

    call = channel.start("/service/Method", request=b"", on_message=work)
    once_more = iter((False, True))

    channel.run(lambda: call.done and next(once_more))


def test_a_peer_that_says_nothing_at_all_misses_the_handshake(ends: tuple[Channel, Daemon]) -> None:
    channel, _ = ends

    with pytest.raises(DialError, match="did not answer in time") as caught:
        channel.handshake(0.02)

    assert caught.value.reason == "timeout"


def test_the_handshake_is_over_with_the_peers_first_frame(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet()

    channel.handshake(10)


def test_a_silent_daemon_is_asked_and_then_given_up(
    ends: tuple[Channel, Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, daemon = ends
    daemon.greet()
    monkeypatch.setattr(channel_module, "_ASK_AFTER", 0.02)
    monkeypatch.setattr(channel_module, "_LOST_AFTER", 0.05)

    with pytest.raises(ConnectionLostError, match="warm-0 has been silent") as caught:
        channel.run(lambda: False)
    channel.close()

    daemon.heard()
    assert frame(FrameType.PING, 1, 0, b"warmrout") in joined(daemon.answers())
    assert caught.value.temporary


def test_a_daemon_that_says_it_lives_is_not_given_up(
    ends: tuple[Channel, Daemon], monkeypatch: pytest.MonkeyPatch
) -> None:
    channel, daemon = ends
    daemon.greet()
    monkeypatch.setattr(channel_module, "_ASK_AFTER", 0.02)
    monkeypatch.setattr(channel_module, "_LOST_AFTER", 0.5)
    ping = frame(FrameType.PING, 1, 0, b"warmrout")
    asked = 0

    def until() -> bool:
        nonlocal asked
        if channel._asked:
            asked += 1
            channel._asked = False
            daemon.say(ping)
        return asked > 5

    channel.run(until, timeout=10)


def test_calls_that_a_daemon_going_away_never_saw_are_over(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    first = channel.start("/service/First", request=b"", on_message=lambda _: None)
    second = channel.start("/service/Second", request=b"", on_message=lambda _: None)
    daemon.greet(goaway(first.stream_id, 0))

    channel.run(lambda: second.done, timeout=10)

    assert not first.done
    assert isinstance(second.error, RpcError)
    assert second.error.code == Status.UNAVAILABLE
    assert second.error.temporary


def test_a_daemon_going_away_may_complete_what_it_has_begun(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet(goaway(1, 0), answer(b"pong"))

    assert channel.unary("/service/Method", b"", timeout=10) == b"pong"


def test_no_call_begins_on_a_connection_that_is_going_away(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet(goaway(1, 0), answer(b"pong"))
    channel.unary("/service/Method", b"", timeout=10)

    with pytest.raises(ConnectionLostError, match="warm-0 takes no more calls: it is going away"):
        channel.start("/service/Method", request=b"", on_message=lambda _: None)


def test_a_call_that_an_answer_begins_tells_of_the_goaway_once(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet(goaway(1, 0), answer(b"pong"))

    def begin_another(_message: memoryview) -> None:
        channel.start("/service/Method", request=b"", on_message=lambda _: None)

    channel.start("/service/Method", request=b"", on_message=begin_another)
    with pytest.raises(ConnectionLostError) as lost:
        channel.run(lambda: False, timeout=10)

    going = "takes no more calls: it is going away (HTTP/2 code 0)"
    assert str(lost.value).startswith(f"lost warm-0: {going}")
    assert str(lost.value).count("it is going away") == 1


def test_the_reason_of_a_goaway_stands_in_the_error(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    channel.start("/service/Method", request=b"", on_message=lambda _: None)
    goodbye = (2**31 - 1).to_bytes(4, "big") + (11).to_bytes(4, "big") + b"too_many_pings"
    daemon.greet(frame(FrameType.GOAWAY, 0, 0, goodbye))
    daemon.socket.shutdown(socket.SHUT_WR)

    with pytest.raises(ConnectionLostError, match=r"HTTP/2 code 11\) too_many_pings"):
        channel.run(lambda: False, timeout=10)


def test_an_answer_counts_although_the_daemon_has_hung_up(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet(answer(b"pong"))
    daemon.socket.close()

    assert channel.unary("/service/Method", b"", timeout=10) == b"pong"


def test_what_a_daemon_said_before_it_hung_up_is_the_error(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    daemon.socket.close()

    with pytest.raises(DialError, match=r"^warm-0 is not a BuildKit daemon \(it answered in HTTP/1\)$"):
        channel.unary("/service/Method", b"", timeout=10)


def test_a_daemon_that_hangs_up_at_once_may_want_tls(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.socket.close()

    with pytest.raises(DialError, match=r"^warm-0 closed the connection at once$") as caught:
        channel.unary("/service/Method", b"", timeout=10)

    assert "--tls-ca" in (caught.value.hint or "")


class Refusing(SocketStream):
    """A stream of TLS whose far end refuses the client after the handshake."""

    def recv(self) -> bytes | None:
        raise ConnectionLostError(
            "lost the connection to warm-0: it requires a client certificate", hint="pass --tls-cert"
        )


@pytest.mark.parametrize(
    ("peer", "said"),
    [
        ("warm-0", "warm-0: the daemon requires a client certificate"),
        ("ash (kube-pod://ash)", "ash (kube-pod://ash): the daemon at warm-0 requires a client certificate"),
    ],
)
def test_a_daemon_that_requires_a_certificate_has_answered(peer: str, said: str) -> None:
    ours, theirs = socket.socketpair()
    with (
        theirs,
        Channel(Refusing(ours, "warm-0"), peer=peer) as channel,
        pytest.raises(DialError, match=f"^{re.escape(said)}$") as caught,
    ):
        channel.unary("/service/Method", b"", timeout=10)

    assert caught.value.hint == "pass --tls-cert"


def test_a_call_that_the_daemon_resets_is_over(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet(rst_stream(1, 7))

    with pytest.raises(RpcError, match="warm-0 reset /service/Method") as caught:
        channel.unary("/service/Method", b"", timeout=10)

    assert caught.value.temporary


def test_a_message_that_breaks_the_protocol_of_its_call_is_the_daemons_fault(
    ends: tuple[Channel, Daemon],
) -> None:
    channel, daemon = ends
    seen: list[memoryview] = []
    channel.start(
        "/service/Session", request=b"", on_message=lambda message: seen.append(bytes_field(message))
    )
    daemon.greet(answer(b"no BytesMessage"))

    with pytest.raises(ConnectionLostError, match=r"lost warm-0: .* no BytesMessage"):
        channel.run(lambda: False, timeout=10)


def test_a_web_page_is_no_answer(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    page = [(b":status", b"404"), (b"content-type", b"text/html")]
    daemon.greet(joined(header_frames(1, page, end=False)), frame(FrameType.DATA, 1, 1, b"<html>" * 100))

    with pytest.raises(RpcError, match="the answer is not gRPC") as caught:
        channel.unary("/service/Method", b"", timeout=10)

    assert caught.value.code == Status.UNIMPLEMENTED


def test_what_is_left_to_send_is_given_up_with_a_complete_answer(ends: tuple[Channel, Daemon]) -> None:
    class Silent:
        def pull(self, _size: int) -> None: ...

    channel, daemon = ends
    call = channel.start("/service/Method", source=Silent(), on_message=lambda _: None)
    daemon.greet(answer(b"enough"))

    channel.run(lambda: call.done, timeout=10)
    channel.close()

    assert call.error is None
    assert StreamReset(1, 8) in daemon.heard()


def test_metadata_is_sent_in_lower_case_and_in_order(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    channel.start(
        "/service/Method",
        request=b"",
        on_message=lambda _: None,
        metadata=[("X-Method", "one"), ("x-method", "two")],
    )
    daemon.greet(answer(b""))
    channel.run(lambda: not channel._calls, timeout=10)
    channel.close()

    request = daemon.heard()[0]
    assert isinstance(request, HeadersReceived)
    assert [value for name, value in request.headers if name == b"x-method"] == [b"one", b"two"]


def test_a_closed_channel_has_said_goodbye(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    call = channel.start("/service/Method", request=b"question", on_message=lambda _: None)
    daemon.greet(answer(b""))
    channel.run(lambda: call.done, timeout=10)

    channel.close()
    channel.close()

    heard = daemon.heard()
    assert any(isinstance(event, DataReceived) for event in heard)
    assert heard[-1] == GoAwayReceived(0, 0, b"")


def test_waking_a_closed_channel_does_nothing(ends: tuple[Channel, Daemon]) -> None:
    channel, _ = ends
    channel.close()

    channel.wake()


def test_waking_more_often_than_anyone_looks_does_not_block(ends: tuple[Channel, Daemon]) -> None:
    channel, _ = ends

    for _ in range(70_000):
        channel.wake()


def test_a_wake_from_another_thread_is_noticed(ends: tuple[Channel, Daemon]) -> None:
    channel, daemon = ends
    daemon.greet()
    done = threading.Event()

    def finish() -> None:
        done.set()
        channel.wake()

    thread = threading.Timer(0.02, finish)
    thread.start()
    channel.run(done.is_set, timeout=10)
    thread.join()


def test_descriptors_that_select_could_not_wait_for_are_waited_for() -> None:
    ours, theirs = socket.socketpair()
    far = socket.socket(fileno=fcntl.fcntl(ours, fcntl.F_DUPFD_CLOEXEC, 1100))
    ours.close()
    with theirs, Channel(SocketStream(far, "a pair"), peer="warm-0") as channel:
        later = threading.Timer(0.02, Daemon(theirs).greet, [answer(b"pong")])
        later.start()

        assert channel.unary("/service/Method", b"", timeout=10) == b"pong"
        later.join()


def test_a_cancellation_from_another_thread_ends_the_wait() -> None:
    ours, theirs = socket.socketpair()
    with theirs, Cancellation() as cancellation:
        stream = SocketStream(ours, "a pair")
        with Channel(stream, peer="warm-0", cancellation=cancellation) as channel:
            thread = threading.Timer(0.02, cancellation.cancel)
            thread.start()

            with pytest.raises(CancelledError, match="interrupted"):
                channel.run(lambda: False)

            thread.join()
