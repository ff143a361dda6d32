"""What clients may not do to an endpoint, and what the others notice of it."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from itertools import pairwise

import pytest

from router._proto import control_pb2 as pb
from router._proto import ops_pb2 as ops
from router.build import BuildRouter
from router.config import RouterConfig
from router.rpc.frames import FrameType, frame
from router.rpc.grpc import Status, prefix
from router.rpc.http2 import MAX_STREAMS
from router.rpc.protobuf import field
from router.serving import builds, connection, open_sessions
from router.serving import endpoint as endpoint_module
from router.serving.fleet_calls import FleetMethod
from router.serving.inquiry import Inquiry
from tests.addressed import addressed
from tests.servers.ports import free_port
from tests.wire.serving.peers import (
    BRIDGE,
    CONTROL,
    HEALTH,
    SERVING,
    WITHIN,
    Busy,
    Door,
    ListeningDaemon,
    endpoint,
)

MIB = 1024 * 1024
REFUSED_STREAM = 7


@pytest.fixture
def door() -> Iterator[Door]:
    with endpoint() as entered:
        yield entered


def is_served(door: Door) -> bool:
    """Say whether a client is served as it should be."""
    with door.enter() as client:
        return client.ask(HEALTH, b"").messages == [SERVING]


def solve(ref: str = "a-build", session: str = "", **attrs: str) -> bytes:
    return pb.SolveRequest(Ref=ref, Session=session, FrontendAttrs=attrs).SerializeToString()


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        bytes(100),
    ],
)
def test_who_speaks_no_http2_is_hung_up_on(door: Door, said: bytes) -> None:
    with door.enter() as client:
        client.socket.sendall(said)
        assert client.is_hung_up_on()
    assert is_served(door)


def test_who_says_nothing_is_hung_up_on(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_FIRST_WORDS", 0.05)
    with door.enter() as client:
        client.read_on()
    assert is_served(door)


def test_who_gives_no_sign_of_life_is_hung_up_on(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "_ASK_AFTER", 0.05)
    monkeypatch.setattr(connection, "_ANSWER_WITHIN", 0.05)
    with door.enter() as client:
        client.say()
        client.read_on()  # and answer no PING


@pytest.mark.parametrize(
    "raw",
    [
        frame(FrameType.HEADERS, 4, 1, b"\xff" * 100),
        frame(FrameType.HEADERS, 0, 1, bytes(16_384))
        + frame(FrameType.CONTINUATION, 0, 1, bytes(16_384)) * 66,
        frame(FrameType.CONTINUATION, 4, 1, b""),
        frame(FrameType.DATA, 0, 5, b"of no stream"),
        b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    ],
    ids=["no headers", "endless headers", "a continuation of nothing", "data of no stream", "a huge frame"],
)
def test_who_breaks_http2_is_told_and_hung_up_on(door: Door, raw: bytes) -> None:
    with door.enter() as client:
        with suppress(BrokenPipeError):  # it hangs up before the end
            client.say(raw)
        assert client.is_hung_up_on()
        assert client.goaway
    assert is_served(door)


def test_more_streams_than_there_may_be_are_refused(door: Door) -> None:
    with door.enter() as client:
        opened = [client.call(CONTROL + "Solve", end=False) for _ in range(MAX_STREAMS + 1)]
        assert client.answer(opened[-1]).reset == REFUSED_STREAM
    assert is_served(door)


def test_a_message_that_is_too_large_ends_its_call_alone(door: Door) -> None:
    with door.enter() as client:
        call = client.call(CONTROL + "Solve", end=False)
        client.http2.send(call, prefix(17 * MIB)[:5] + b"the beginning")
        client.say()
        assert client.answer(call).status[0] == Status.RESOURCE_EXHAUSTED
        assert client.ask(HEALTH, b"").messages == [SERVING]


@pytest.mark.parametrize("messages", [(), (b"", b"")], ids=["none", "two"])
def test_a_call_has_one_message(door: Door, messages: tuple[bytes, ...]) -> None:
    with door.enter() as client:
        assert client.ask(CONTROL + "Solve", *messages).status[0] == Status.INTERNAL


@pytest.mark.parametrize("message", [b"\xff\xff", b"\x0a\xff", b"\x0a\x7fshort"])
def test_a_solve_that_is_none_is_refused(door: Door, message: bytes) -> None:
    with door.enter() as client:
        assert client.ask(CONTROL + "Solve", message).status[0] == Status.INVALID_ARGUMENT


def test_what_nobody_has_is_refused_in_buildkitds_words(door: Door) -> None:
    with door.enter() as client:
        of_no_service = client.ask("/a.Service/Method", b"").status
        of_control = client.ask(CONTROL + "Nothing", b"").status

    assert of_no_service == (Status.UNIMPLEMENTED, "unknown service a.Service")
    assert of_control == (
        Status.UNIMPLEMENTED,
        "unknown method Nothing for service moby.buildkit.v1.Control",
    )


def test_what_is_no_grpc_is_told_so(door: Door) -> None:
    with door.enter() as client:
        assert client.ask("/", content_type="text/html").headers[":status"] == ["415"]


@pytest.mark.parametrize("uuid", ["", "twice"])
def test_a_session_has_an_id_of_its_own(door: Door, uuid: str) -> None:
    with door.enter() as client:
        client.session("twice")
        assert client.answer(client.session(uuid)).status[0] == Status.INVALID_ARGUMENT


def test_sessions_without_a_build_are_bounded(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_sessions, "_MOST_SESSIONS", 3)
    with door.enter() as client:
        opened = [client.session(f"s{number}") for number in range(4)]
        assert client.answer(opened[-1]).status[0] == Status.INVALID_ARGUMENT


def test_a_session_that_makes_no_sense_ends_alone(door: Door) -> None:
    with door.enter() as client:
        session = client.call(
            CONTROL + "Session", b"\x0a\x05hello", end=False, x_docker_expose_session_uuid="s"
        )
        assert client.answer(session).status[0] == Status.INVALID_ARGUMENT
        assert client.ask(HEALTH, b"").messages == [SERVING]


def test_builds_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "_MOST_BUILDS", 2)
    with endpoint() as door, door.enter() as client:
        for number in range(2):
            client.call(CONTROL + "Solve", solve(f"b{number}"))
        assert client.ask(CONTROL + "Solve", solve("b2")).status[0] == Status.RESOURCE_EXHAUSTED


def test_connections_of_one_client_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint_module, "_MOST_OF_ONE", 2)
    with endpoint() as door:
        first, second = door.enter("a"), door.enter("a")
        with first, second, door.enter("a") as third, door.enter("b") as other:
            assert third.is_hung_up_on()
            assert other.ask(HEALTH, b"").messages == [SERVING]


def test_a_client_that_there_is_no_descriptor_for_is_refused_and_the_next_is_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_value: int, _flags: int) -> int:
        raise OSError(errno.EMFILE, "too many open files")

    with endpoint() as door:
        with monkeypatch.context() as patched:
            patched.setattr("router.serving.connection.os.eventfd", full)
            with door.enter() as client:
                assert client.is_hung_up_on()
        assert is_served(door)


def test_who_sends_on_where_he_is_to_pause_is_hung_up_on(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call waits for a build; windows are none of this client's business."""
    monkeypatch.setattr(connection, "_MOST_KEPT", 8 * MIB)
    with door.enter() as client:
        call = client.call(BRIDGE + "ExecProcess", end=False, buildkit_controlapi_buildid="none")
        assert client.can_not_say(frame(FrameType.DATA, 0, call, bytes(16_384)) * 64)
    assert is_served(door)


def test_who_waits_for_a_build_that_does_not_come_is_told(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.serving.calls._BRIDGE_WAIT", 0.05)
    with door.enter() as client:
        pinged = client.ask(BRIDGE + "Ping", b"", buildkit_controlapi_buildid="none").status
        watched = client.ask(CONTROL + "Status", pb.StatusRequest(Ref="none").SerializeToString()).status

    assert pinged == (Status.NOT_FOUND, "forwarding Ping: no such job none")
    assert watched == (Status.NOT_FOUND, "no such job none")


class Endless:
    """A method whose answers never end; ``given`` are their bytes."""

    def __init__(self) -> None:
        self.given = 0
        self.over = threading.Event()

    def __call__(self, inquiry: Inquiry) -> None:
        try:
            while True:
                inquiry.emit(bytes(MIB // 4))
                self.given += MIB // 4
        finally:
            self.over.set()

    def pauses_at(self) -> int:
        """Return how much there is once it gives no more."""
        pause = threading.Event()
        for before, after in pairwise(iter(lambda: pause.wait(0.2) or self.given, None)):
            assert after is not None
            if before == after and after > 0:
                return after
        raise AssertionError


def test_answers_wait_for_a_client_that_reads_nothing() -> None:
    method: FleetMethod = (endless := Endless())
    with endpoint(methods={"/a.Service/Endless": method}) as door:
        with door.enter() as client:
            client.call("/a.Service/Endless", b"")
            assert endless.pauses_at() < 8 * MIB
            assert is_served(door)
        assert endless.over.wait(WITHIN), "it goes on without its client"


def test_a_build_is_cancelled_with_its_client() -> None:
    busy = Busy()
    with endpoint(busy) as door:
        with door.enter() as client:
            client.call(CONTROL + "Solve", solve())
            begun = busy.begun.get(timeout=WITHIN)
        assert busy.ended.get(timeout=WITHIN) is begun


def test_a_build_is_cancelled_with_its_call() -> None:
    busy = Busy()
    with endpoint(busy) as door, door.enter() as client:
        call = client.call(CONTROL + "Solve", solve())
        begun = busy.begun.get(timeout=WITHIN)
        client.http2.reset(call)
        client.say()
        assert busy.ended.get(timeout=WITHIN) is begun
        assert client.ask(HEALTH, b"").messages == [SERVING]


def test_nobody_can_take_or_watch_the_build_of_another() -> None:
    busy = Busy()
    with endpoint(busy) as door, door.enter("alice") as alice, door.enter("bob") as bob:
        alice.call(CONTROL + "Solve", solve("hers"))
        busy.begun.get(timeout=WITHIN)
        asked = pb.StatusRequest(Ref="hers").SerializeToString()

        assert bob.ask(CONTROL + "Solve", solve("hers")).status == (Status.UNKNOWN, "job ID hers exists")
        assert bob.ask(CONTROL + "Status", asked).status == (Status.NOT_FOUND, "no such job hers")
        assert bob.ask(BRIDGE + "Ping", b"", buildkit_controlapi_buildid="hers").status[0] == Status.NOT_FOUND


@pytest.mark.parametrize("shared", [False, True])
def test_clients_may_know_of_each_others_builds_where_that_is_said(*, shared: bool) -> None:
    asked: list[bool] = []

    def status(inquiry: Inquiry) -> None:
        asked.append(inquiry.hides("hers"))

    methods = {CONTROL + "Status": status, CONTROL + "ListenBuildHistory": status}
    busy = Busy()
    with endpoint(busy, methods, shared=shared) as door, door.enter("alice") as alice:
        alice.call(CONTROL + "Solve", solve("hers"))
        busy.begun.get(timeout=WITHIN)
        with door.enter("bob") as bob:
            about_hers = pb.StatusRequest(Ref="hers").SerializeToString()
            code, _ = bob.ask(CONTROL + "Status", about_hers).status
            bob.ask(CONTROL + "ListenBuildHistory", b"")

    assert code == (Status.OK if shared else Status.NOT_FOUND)
    assert asked == ([False, False] if shared else [True])


def test_headers_that_are_too_large_end_their_call_alone(door: Door) -> None:
    with door.enter() as client:
        assert client.ask(HEALTH, b"", large="x" * 70_000).status[0] == Status.RESOURCE_EXHAUSTED
        assert client.ask(HEALTH, b"").messages == [SERVING]


def definition(**attrs: str) -> bytes:
    source = ops.Op(source=ops.SourceOp(identifier="local://context", attrs=attrs))
    return field(1, source.SerializeToString())


@pytest.mark.parametrize("named", ["own", "shared", "directory", "layout", "policy"])
def test_nobody_can_name_the_session_of_another(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon may have it, and would call it."""
    monkeypatch.setattr(open_sessions, "_SESSION_WAIT", 0.1)
    request = pb.SolveRequest(Ref="a-build")
    if named == "own":
        request.Session = "hers"
    elif named == "shared":
        request.FrontendAttrs["local-sessionid:context"] = "hers"
    elif named == "policy":
        request.MergeFromString(field(15, "hers"))
    else:
        attr = "local.session" if named == "directory" else "oci.session"
        request.Definition.ParseFromString(definition(**{attr: "hers"}))
    with ListeningDaemon() as daemon, routing_to(daemon) as door:
        with door.enter("alice") as alice, door.enter("bob") as bob:
            alice.session("hers")
            refused = bob.ask(CONTROL + "Solve", request.SerializeToString()).status
        assert daemon.calls == []

    assert refused == (Status.UNKNOWN, "no active session for hers")


@pytest.mark.parametrize("shared", [False, True])
def test_a_frontend_can_not_name_the_session_of_another(
    monkeypatch: pytest.MonkeyPatch, *, shared: bool
) -> None:
    monkeypatch.setattr(open_sessions, "_SESSION_WAIT", 0.1)
    asked = field(3, field(1, "local-sessionid:context") + field(2, "hers"))
    with ListeningDaemon() as daemon, routing_to(daemon, shared=shared) as door:
        with door.enter("alice") as alice, door.enter("bob") as bob:
            alice.session("hers")
            bob.call(CONTROL + "Solve", solve("his"))
            refused = bob.ask(BRIDGE + "Solve", asked, buildkit_controlapi_buildid="his").status
        assert not any(path.startswith(BRIDGE) for path, _ in daemon.calls)

    assert refused == (Status.UNKNOWN, "no active session for hers")


def test_a_quiet_daemon_is_asked_whether_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a session nothing else may be said for minutes, and a fourth PING would end the build."""
    monkeypatch.setattr("router.serving.links.QUIET", 0.05)
    with ListeningDaemon() as daemon, routing_to(daemon) as door, door.enter() as client:
        client.call(CONTROL + "Solve", solve())
        daemon.wait(lambda calls: [path for path, _ in calls] == [CONTROL + "Solve", CONTROL + "Info"])


def test_a_session_may_be_opened_after_the_build_that_names_it() -> None:
    with ListeningDaemon() as daemon, routing_to(daemon) as door, door.enter() as client:
        client.call(CONTROL + "Solve", solve(session="late"))
        client.session("late")
        daemon.wait(lambda _: daemon.sessions == {"late"})


def test_a_daemon_gets_the_sessions_that_its_builds_name_and_no_others() -> None:
    with ListeningDaemon() as daemon, routing_to(daemon) as door:
        with door.enter("alice") as alice, door.enter("bob") as bob:
            bob.session("his")
            for uuid in ("own", "shared", "idle"):
                alice.session(uuid)
            named = {"local-sessionid:context": "shared"}
            alice.call(CONTROL + "Solve", solve(session="own", **named))

            daemon.wait(lambda _: daemon.sessions >= {"own", "shared"})
            alice.call(CONTROL + "Status", pb.StatusRequest(Ref="a-build").SerializeToString())
            daemon.wait(lambda calls: any(path.endswith("/Status") for path, _ in calls))
            assert daemon.sessions == {"own", "shared"}
        assert daemon.gone.wait(WITHIN), "the daemon's connection ends with the client's"


def test_a_fleet_that_can_not_be_reached_is_named() -> None:
    addresses = addressed(*((name, f"tcp://127.0.0.1:{free_port()}") for name in ("gone", "away")))
    router = BuildRouter(RouterConfig(addresses=addresses), environment={})
    with endpoint(router) as door, door.enter() as client:
        code, said = client.ask(CONTROL + "Solve", solve()).status

    assert code == Status.UNAVAILABLE
    assert "none of the 2 daemons could be reached" in said
    assert "gone: can't connect" in said
    assert "away: can't connect" in said


def routing_to(daemon: ListeningDaemon, *, shared: bool = False) -> AbstractContextManager[Door]:
    """Serve builds on one daemon."""
    config = RouterConfig(addresses=addressed(("d0", daemon.address)), max_builds=0)
    return endpoint(BuildRouter(config, environment={}), shared=shared)
