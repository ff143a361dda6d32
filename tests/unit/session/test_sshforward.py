"""Connections of steps, joined to local sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router._proto.sshforward_pb2 import BytesMessage, CheckAgentRequest
from router.errors import UsageError
from router.rpc.grpc import Status, prefix
from router.session.sshforward import check_agent, forward_agent
from tests.unit.session.daemon import Daemon

CHECK = "/moby.sshforward.v1.SSH/CheckAgent"
FORWARD = "/moby.sshforward.v1.SSH/ForwardAgent"


class Connection:
    """A connection whose other end the test has."""

    def __init__(self) -> None:
        self.socket, self.far = socket.socketpair()
        self.far.settimeout(20)
        self.closed = 0

    def close(self) -> None:
        self.closed += 1
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


class Source:
    """Knows two ids; one of them has gone away."""

    ids = ("default", "gone")

    def __init__(self) -> None:
        self.connections: list[Connection] = []

    def connect(self, name: str, /) -> Connection | None:
        if name == "gone":
            raise UsageError("--ssh gone: it has gone")
        if name != "default":
            return None
        self.connections.append(Connection())
        return self.connections[-1]


class Forwarding(Daemon):
    """A daemon whose session forwards agents. ``until`` drives it by what wakes it."""

    def __init__(self) -> None:
        self.source = Source()
        super().__init__(
            unary=check_agent(self.source),
            streaming=forward_agent(self.source, self._awake),
        )

    def _awake(self) -> None:
        self.woken.set()

    def until(self, condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + 20
        while not condition():
            assert self.woken.wait(ends - time.monotonic())
            self.woken.clear()
            self.pump()

    def received(self, stream_id: int) -> bytes:
        return b"".join(BytesMessage.FromString(answer).data for answer in self.answers[stream_id])

    def say_on(self, stream_id: int, data: bytes) -> None:
        message = BytesMessage(data=data).SerializeToString()
        self.http2.send(stream_id, prefix(len(message)) + message)
        self.pump()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: Any) -> None:
        super().__exit__(*exception)
        for connection in self.source.connections:
            connection.far.close()


def alive() -> int:
    return sum(thread.name == "ssh forward" for thread in threading.enumerate())


@pytest.mark.parametrize("name", ["", "default"])
def test_an_id_that_was_given_is_there(name: str) -> None:
    with Forwarding() as daemon:
        assert daemon.ask(CHECK, CheckAgentRequest(ID=name).SerializeToString()) == (Status.OK, "")
        assert daemon.answers[1] == [b""]


def test_another_id_is_not_found_and_the_given_ones_are_named() -> None:
    with Forwarding() as daemon:
        status = daemon.ask(CHECK, CheckAgentRequest(ID="other").SerializeToString())

        text = 'no SSH agent is forwarded under the id "other" (given: default, gone)'
        assert status == (Status.NOT_FOUND, text)
        assert daemon.session.failures == []


def test_a_connection_to_another_id_is_refused() -> None:
    with Forwarding() as daemon:
        stream = daemon.call(FORWARD, end=False, **{"buildkit.ssh.id": "other"})

        assert daemon.statuses[stream][0] == Status.NOT_FOUND


def test_an_agent_that_has_gone_is_a_failure_of_this_side() -> None:
    with Forwarding() as daemon:
        stream = daemon.call(FORWARD, end=False, **{"buildkit.ssh.id": "gone"})

        assert daemon.statuses[stream] == (Status.UNKNOWN, "--ssh gone: it has gone")
        assert [str(failure) for failure in daemon.session.failures] == ["--ssh gone: it has gone"]


def test_bytes_go_both_ways_and_the_end_comes_through() -> None:
    with Forwarding() as daemon:
        stream = daemon.call(FORWARD, end=False)
        (connection,) = daemon.source.connections
        daemon.say_on(stream, b"question")
        assert connection.far.recv(100) == b"question"
        connection.far.sendall(b"answer")
        daemon.until(lambda: daemon.received(stream) == b"answer")

        daemon.http2.finish(stream)
        daemon.pump()
        assert connection.far.recv(100) == b""
        connection.far.close()
        daemon.until(lambda: stream in daemon.statuses)

        assert daemon.statuses[stream] == (Status.OK, "")
        assert connection.closed == 1
    assert alive() == 0


def test_an_agent_that_ends_the_connection_ends_the_call_with_all_it_said() -> None:
    with Forwarding() as daemon:
        stream = daemon.call(FORWARD, end=False)
        (connection,) = daemon.source.connections
        connection.far.sendall(b"last words")
        connection.far.close()

        daemon.until(lambda: stream in daemon.statuses)

        assert daemon.received(stream) == b"last words"
        assert daemon.statuses[stream] == (Status.OK, "")


def test_connections_do_not_mix() -> None:
    with Forwarding() as daemon:
        streams = [daemon.call(FORWARD, end=False, **{"buildkit.ssh.id": "default"}) for _ in range(20)]
        for number, stream in enumerate(streams):
            daemon.say_on(stream, b"%d" % number)
        for connection in daemon.source.connections:
            connection.far.sendall(b"to " + connection.far.recv(10))

        daemon.until(lambda: all(daemon.answers[stream] for stream in streams))

        assert [daemon.received(stream) for stream in streams] == [b"to %d" % n for n in range(20)]
    assert alive() == 0


def test_a_step_that_reads_nothing_stops_the_agent_not_the_session() -> None:
    with Forwarding() as daemon:
        stream = daemon.call(FORWARD, end=False)
        (connection,) = daemon.source.connections
        connection.far.setblocking(False)
        sent = 0
        piece = bytes(1 << 16)
        while True:  # the daemon is not driven, so it takes nothing
            try:
                sent += connection.far.send(piece)
            except BlockingIOError:
                if not daemon.woken.wait(0.2):
                    break
                daemon.woken.clear()
        assert sent < 4 << 20

        daemon.woken.set()
        daemon.until(lambda: len(daemon.received(stream)) == sent)


def test_an_agent_that_reads_nothing_pauses_the_daemon() -> None:
    with Forwarding() as daemon:
        stream = daemon.call(FORWARD, end=False)
        (connection,) = daemon.source.connections
        message = BytesMessage(data=bytes(1 << 20)).SerializeToString()
        for _ in range(40):
            daemon.http2.send(stream, prefix(len(message)) + message)
        daemon.pump()
        assert stream not in daemon.statuses

        read = 0

        def all_read() -> bool:
            nonlocal read
            connection.far.settimeout(0.05)
            try:
                while more := len(connection.far.recv(1 << 20)):
                    read += more
            except TimeoutError:
                daemon.woken.set()
            return read == 40 << 20

        daemon.until(all_read)


def test_a_daemon_that_does_not_pause_loses_the_connection() -> None:
    with Forwarding() as daemon:
        stream = daemon.call(FORWARD, end=False)
        message = BytesMessage(data=bytes(1 << 20)).SerializeToString()
        call = daemon.session._calls[stream]
        assert call.handler is not None

        for _ in range(40):
            daemon.session._guarded(call, partial(call.handler.receive, memoryview(message)))
            if stream not in daemon.session._calls:
                break
        daemon.pump()

        assert daemon.statuses[stream][0] == Status.RESOURCE_EXHAUSTED
        assert daemon.source.connections[0].closed == 1


def test_a_daemon_that_does_not_pause_on_many_connections_loses_some() -> None:
    with Forwarding() as daemon:
        streams = [daemon.call(FORWARD, end=False) for _ in range(20)]
        message = memoryview(BytesMessage(data=bytes(1 << 20)).SerializeToString())
        for stream in streams * 20:
            call = daemon.session._calls.get(stream)
            if call is not None and call.handler is not None:
                daemon.session._guarded(call, partial(call.handler.receive, message))
        daemon.pump()

        assert {code for code, _ in daemon.statuses.values()} == {Status.RESOURCE_EXHAUSTED}
        assert 0 < len(daemon.statuses) < 20


def test_what_comes_for_an_agent_that_has_gone_is_dropped() -> None:
    with Forwarding() as daemon:
        stream = daemon.call(FORWARD, end=False)
        (connection,) = daemon.source.connections
        connection.far.shutdown(socket.SHUT_RD)
        for _ in range(100):
            daemon.say_on(stream, bytes(1 << 20))
            if stream in daemon.statuses:
                break
        connection.far.close()

        daemon.until(lambda: stream in daemon.statuses)

        assert daemon.statuses[stream][0] == Status.OK


def test_a_session_that_ends_closes_every_connection() -> None:
    with Forwarding() as daemon:
        for _ in range(5):
            daemon.call(FORWARD, end=False)

    assert [connection.closed for connection in daemon.source.connections] == [1] * 5
    assert alive() == 0


@pytest.mark.parametrize("message", [b"\x12\x03one", b"\xff"])
def test_a_message_that_is_no_bytes_message_ends_the_call(message: bytes) -> None:
    with Forwarding() as daemon:
        stream = daemon.call(FORWARD, message, end=False)

        assert daemon.statuses[stream][0] == Status.UNKNOWN
        assert daemon.source.connections[0].closed == 1


@given(st.binary(max_size=40))
def test_whatever_is_asked_of_the_check_is_answered_or_refused(request: bytes) -> None:
    with Forwarding() as daemon:
        code, _ = daemon.ask(CHECK, request)

        assert code in {Status.OK, Status.NOT_FOUND, Status.INVALID_ARGUMENT}
        assert daemon.session.failures == []
