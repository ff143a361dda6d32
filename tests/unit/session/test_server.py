from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import OutputError, RouterError, UsageError
from router.net.stream import Buffer
from router.rpc.events import Http2Error
from router.rpc.frames import PREFACE, FrameType, frame, rst_stream
from router.rpc.frames import settings as settings_frame
from router.rpc.grpc import Status, prefix
from router.rpc.headers import header_frames
from router.session.server import CallMetadata, CallRefused, SessionServer
from tests.unit.session.daemon import Daemon, Echo, request


def raising(error: Exception) -> Callable[[object], bytes]:
    """A method, or a part of one, that raises this."""

    def method(_argument: object) -> bytes:
        raise error

    return method


class Blocking:
    """A unary method that answers when it is told to."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.release = threading.Event()

    def __call__(self, request: bytes) -> bytes:
        self.begun.release()
        self.release.wait(20)
        return request


def test_the_paths_of_all_methods_are_known() -> None:
    with Daemon(unary={"/a/One": bytes}, streaming={"/b/Two": Echo}) as daemon:
        assert daemon.session.methods == ("/a/One", "/b/Two")


def test_a_unary_call_is_answered() -> None:
    with Daemon(unary={"/a/Upper": bytes.upper}) as daemon:
        assert daemon.ask("/a/Upper", b"question") == (Status.OK, "")
        assert daemon.answers[1] == [b"QUESTION"]


def test_a_streaming_call_is_answered_message_by_message() -> None:
    with Daemon(streaming={"/b/Echo": Echo}) as daemon:
        stream_id = daemon.call("/b/Echo", b"one", b"", b"three" * 100_000)

        assert daemon.answers[stream_id] == [b"one", b"", b"three" * 100_000]
        assert daemon.statuses[stream_id] == (Status.OK, "")


def test_metadata_arrives_at_the_handler() -> None:
    seen: list[CallMetadata] = []

    def method(values: CallMetadata) -> Echo:
        seen.append(values)
        return Echo()

    with Daemon(streaming={"/b/Echo": method}) as daemon:
        daemon.call("/b/Echo", dir_name="context")

    assert seen[0]["dir-name"] == ["context"]


def test_a_method_that_nobody_serves_is_unimplemented() -> None:
    with Daemon() as daemon:
        assert daemon.ask("/a/Nothing") == (Status.UNIMPLEMENTED, "unknown method /a/Nothing")


def test_a_refusal_is_answered_with_its_code_and_is_no_failure() -> None:
    with Daemon(unary={"/a/One": raising(CallRefused(Status.NOT_FOUND, "secret x: not found"))}) as daemon:
        assert daemon.ask("/a/One") == (Status.NOT_FOUND, "secret x: not found")
        assert daemon.session.failures == []


def test_an_error_of_ours_is_told_and_kept() -> None:
    error = UsageError("can't read the secret")
    with Daemon(unary={"/a/One": raising(error)}) as daemon:
        assert daemon.ask("/a/One") == (Status.UNKNOWN, "can't read the secret")
        assert daemon.session.failures == [error]


@pytest.mark.parametrize("error", [ValueError("p4ssw0rd"), UnicodeError("p4ssw0rd"), OSError(5, "p4ssw0rd")])
def test_an_error_that_nobody_foresaw_ends_the_call_without_its_text(error: Exception) -> None:
    with Daemon(unary={"/a/One": raising(error)}) as daemon:
        code, message = daemon.ask("/a/One")

        (failure,) = daemon.session.failures
        assert code == Status.INTERNAL
        assert "p4ssw0rd" not in message + str(failure)
        assert failure.__cause__ is error


def test_a_call_whose_headers_end_it_is_refused() -> None:
    with Daemon(unary={"/a/One": bytes}) as daemon:
        daemon.http2.open_stream([])
        daemon.http2.take(0)
        headers = header_frames(1, request("/a/One"), end=True)
        daemon.say(PREFACE + settings_frame({}) + b"".join(headers))
        daemon.pump()

        assert daemon.statuses[1] == (Status.INVALID_ARGUMENT, "the call of /a/One has no request")


@pytest.mark.parametrize("part", ["receive", "end_of_input", "pull"])
def test_a_handler_that_fails_ends_its_call_and_no_other(part: str) -> None:
    error = UsageError("can't read the file")
    broken, sound = Echo(), Echo()
    setattr(broken, part, lambda *_: raising(error)(None))
    with Daemon(streaming={"/b/Broken": lambda _: broken, "/b/Sound": lambda _: sound}) as daemon:
        first = daemon.call("/b/Sound", b"before", end=False)
        second = daemon.call("/b/Broken", b"message")
        daemon.http2.send(first, prefix(5) + b"after")
        daemon.http2.finish(first)
        daemon.pump()

        assert daemon.statuses == {first: (Status.OK, ""), second: (Status.UNKNOWN, "can't read the file")}
        assert daemon.answers[first] == [b"before", b"after"]
        assert daemon.session.failures == [error]
        assert broken.closed == 1


def test_a_handler_that_can_not_begin_ends_its_call() -> None:
    def method(_values: CallMetadata) -> Echo:
        raise CallRefused(Status.NOT_FOUND, 'no access allowed to dir "x"')

    with Daemon(streaming={"/b/Echo": method}) as daemon:
        stream_id = daemon.call("/b/Echo", b"message")

        assert daemon.statuses[stream_id] == (Status.NOT_FOUND, 'no access allowed to dir "x"')


def test_a_refusal_while_pulling_has_its_code() -> None:
    handler = Echo()
    setattr(handler, "pull", raising(CallRefused(Status.RESOURCE_EXHAUSTED, "full")))  # noqa: B010 - no method for mypy
    with Daemon(streaming={"/b/Echo": lambda _: handler}) as daemon:
        stream_id = daemon.call("/b/Echo")

        assert daemon.statuses[stream_id] == (Status.RESOURCE_EXHAUSTED, "full")


def test_a_handler_is_closed_once_when_its_call_is_complete() -> None:
    handler = Echo()
    with Daemon(streaming={"/b/Echo": lambda _: handler}) as daemon:
        daemon.call("/b/Echo")

        assert handler.closed == 1
    assert handler.closed == 1


def test_a_handler_is_closed_when_the_daemon_gives_up() -> None:
    handler = Echo()
    with Daemon(streaming={"/b/Echo": lambda _: handler}) as daemon:
        stream_id = daemon.call("/b/Echo", end=False)
        daemon.http2.reset(stream_id)
        daemon.pump()

        assert handler.closed == 1


def test_a_handler_that_can_not_be_closed_is_a_failure_and_the_others_are_closed() -> None:
    error = OutputError("no space left")
    broken, sound = Echo(), Echo()
    setattr(broken, "close", lambda: raising(error)(None))  # noqa: B010 - no method for mypy
    with Daemon(streaming={"/b/Broken": lambda _: broken, "/b/Sound": lambda _: sound}) as daemon:
        daemon.call("/b/Broken", end=False)
        daemon.call("/b/Sound", end=False)

    assert daemon.session.failures == [error]
    assert sound.closed == 1


def test_a_call_that_ends_inside_of_a_message_is_not_taken_for_whole() -> None:
    handler = Echo()
    with Daemon(streaming={"/b/Echo": lambda _: handler}) as daemon:
        stream_id = daemon.call("/b/Echo", end=False)
        daemon.http2.send(stream_id, prefix(100) + b"half")
        daemon.http2.finish(stream_id)
        daemon.pump()

        assert daemon.statuses[stream_id] == (
            Status.UNKNOWN,
            "the daemon ended a call inside a message",
        )
        assert not handler.done


def test_a_request_that_is_too_large_is_refused_before_it_arrives() -> None:
    with Daemon(unary={"/a/One": bytes}) as daemon:
        stream_id = daemon.call("/a/One", end=False)
        daemon.http2.send(stream_id, prefix(1 << 21))
        daemon.pump()

        code, message = daemon.statuses[stream_id]
        assert code == Status.UNKNOWN
        assert "2097152 bytes" in message


def test_an_answer_that_the_daemon_no_longer_wants_is_dropped() -> None:
    method = Blocking()
    with Daemon(unary={"/a/Slow": method}) as daemon:
        stream_id = daemon.call("/a/Slow", b"x")
        assert method.begun.acquire(timeout=10)
        daemon.http2.reset(stream_id)
        daemon.pump()
        method.release.set()
        assert daemon.woken.wait(10)
        daemon.pump()

        assert daemon.answers[stream_id] == []


def test_a_slow_call_holds_up_no_other() -> None:
    method = Blocking()
    with Daemon(unary={"/a/Slow": method, "/a/Fast": bytes}) as daemon:
        daemon.call("/a/Slow", b"x")
        assert method.begun.acquire(timeout=10)

        assert daemon.ask("/a/Fast") == (Status.OK, "")
        method.release.set()


def test_closing_joins_the_threads() -> None:
    method = Blocking()
    with Daemon(unary={"/a/Slow": method}) as daemon:
        daemon.call("/a/Slow", b"x")
        assert method.begun.acquire(timeout=10)
        (thread,) = daemon.session._threads
        method.release.set()

    assert not thread.is_alive()


def test_closing_does_not_wait_for_each_of_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.session.server._JOIN", 0.01)
    method = Blocking()
    with Daemon(unary={"/a/Slow": method}) as daemon:
        for _ in range(100):
            daemon.call("/a/Slow", b"x")
        threads = list(daemon.session._threads)

    assert all(thread.is_alive() for thread in threads)
    method.release.set()
    for thread in threads:
        thread.join()


def test_threads_that_are_done_are_forgotten() -> None:
    with Daemon(unary={"/a/Fast": bytes}) as daemon:
        for _ in range(50):
            daemon.ask("/a/Fast")

        assert len(daemon.session._threads) < 10


def test_calls_given_up_and_begun_anew_do_not_pile_up_threads() -> None:
    method = Blocking()
    with Daemon(unary={"/a/Slow": method}) as daemon:
        for _ in range(300):
            stream_id = daemon.call("/a/Slow", b"x")
            daemon.http2.reset(stream_id)
        daemon.pump()
        threads = len(daemon.session._threads)
        code, _ = daemon.ask("/a/Slow")
        method.release.set()

    assert threads == 200
    assert code == Status.RESOURCE_EXHAUSTED


def test_calls_beyond_two_hundred_are_refused_and_the_others_live() -> None:
    with Daemon(streaming={"/b/Echo": Echo}) as daemon:
        streams = [daemon.call("/b/Echo", end=False) for _ in range(210)]
        daemon.http2.finish(streams[0])
        daemon.pump()

        assert daemon.resets == dict.fromkeys(streams[200:], 7)
        assert daemon.statuses == {streams[0]: (Status.OK, "")}


def test_headers_on_a_call_that_is_over_begin_no_other() -> None:
    begun = []

    def method(_values: CallMetadata) -> Echo:
        begun.append(1)
        raise CallRefused(Status.NOT_FOUND, "no")

    head = b"".join(header_frames(1, request("/b/Echo"), end=False))
    with Daemon(streaming={"/b/Echo": method}) as daemon:
        daemon.say(PREFACE + settings_frame({}) + head + head)

        assert begun == [1]


class Source:
    """A streaming call that sends this much, in pieces as large as it is asked for."""

    def __init__(self, size: int) -> None:
        self.done = False
        self._left = size

    def receive(self, message: memoryview) -> None: ...
    def end_of_input(self) -> None: ...
    def close(self) -> None: ...

    def pull(self, size: int) -> list[Buffer] | None:
        size = min(size, self._left)
        self._left -= size
        self.done = not self._left
        return [prefix(size), bytes(size)] if size else None


def test_one_large_transfer_does_not_keep_a_health_check_waiting() -> None:
    with Daemon(unary={"/h/Check": bytes}, streaming={"/b/Large": lambda _: Source(1 << 40)}) as daemon:
        daemon.http2.open_stream(request("/b/Large"))
        daemon._to_session()
        check = daemon.http2.open_stream(request("/h/Check"))
        daemon.http2.send(check, prefix(0))
        daemon.http2.finish(check)
        daemon._to_session()
        assert daemon.woken.wait(10)
        for _ in range(4):
            daemon._from_session()
            daemon._to_session()

        assert daemon.statuses == {check: (Status.OK, "")}


CALLS = b"".join(
    (
        PREFACE,
        settings_frame({}),
        *header_frames(1, request("/b/Echo"), end=False),
        *header_frames(3, request("/a/One"), end=False),
        frame(FrameType.DATA, 0, 1, prefix(3) + b"one" + prefix(3)),
    )
)
MORE = st.lists(
    st.one_of(
        st.builds(
            frame,
            st.integers(0, 10),
            st.sampled_from([0, 1, 4, 5, 8]),
            st.sampled_from([0, 1, 3, 5]),
            st.one_of(st.binary(max_size=20), st.just(prefix(2) + b"ab"), st.just(prefix(1 << 30))),
        ),
        st.just(rst_stream(1, 8)),
        st.just(b"".join(header_frames(5, request("/b/Echo"), end=False))),
    ),
    max_size=8,
).map(b"".join)


@settings(deadline=None, max_examples=200)
@given(st.one_of(MORE.map(CALLS.__add__), st.binary(max_size=100)))
def test_whatever_the_daemon_says_is_served_or_an_http2_error(wire: bytes) -> None:
    daemon = Daemon(unary={"/a/One": bytes}, streaming={"/b/Echo": Echo})
    try:
        daemon.say(wire)
        while daemon.session.pull(1 << 16) is not None:
            pass
    except Http2Error:
        pass
    finally:
        daemon.session.close()
    assert all(isinstance(failure, RouterError) for failure in daemon.session.failures)


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_a_message_that_is_no_bytes_message_is_an_http2_error(message: bytes) -> None:
    session = SessionServer(unary={}, streaming={}, wake=lambda: None)
    with suppress(Http2Error):
        session.receive(memoryview(message))


def test_a_flood_in_the_session_ends_it() -> None:
    with Daemon() as daemon, pytest.raises(Http2Error, match="reads none"):
        daemon.say(PREFACE + settings_frame({}) + frame(FrameType.PING, 0, 0, bytes(8)) * 20_000)


class Slow(Echo):
    """A streaming call that takes what it gets, and says whether it can take more."""

    full = True


def test_the_daemon_pauses_for_a_call_that_is_full_and_goes_on_when_it_is_not() -> None:
    handler = Slow()
    message = prefix(1 << 20) + bytes(1 << 20)
    with Daemon(streaming={"/b/Slow": lambda _: handler}) as daemon:
        stream = daemon.call("/b/Slow", end=False)
        for _ in range(40):
            daemon.http2.send(stream, message)
        daemon.pump()
        paused = len(daemon.answers[stream])
        handler.full = False
        daemon.pump()

        assert 15 <= paused <= 16  # the stream's window of 16 MiB
        assert len(daemon.answers[stream]) == 40
