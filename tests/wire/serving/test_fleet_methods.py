"""What is answered for the whole fleet, where daemons do what real ones can't be made to do."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest

from router._proto import content_pb2, worker_pb2
from router._proto import control_pb2 as pb
from router.address import parse_address
from router.errors import CancelledError, FleetError
from router.model.daemon import Daemon
from router.rpc import channel
from router.rpc.grpc import Status
from router.serving.peers import PATIENCE
from router.session.server import CallRefused
from router.solve import control
from tests.wire.operations.records_server import RecordsServer, record
from tests.wire.operations.store_server import StoreServer
from tests.wire.serving.content_server import ContentServer
from tests.wire.serving.fleet_calls import CONTENT, CONTROL, fleet_of

LISTEN, UPDATE, STATUS = (CONTROL + name for name in ("ListenBuildHistory", "UpdateBuildHistory", "Status"))
WORKERS, PRUNE, USAGE = (CONTROL + name for name in ("ListWorkers", "Prune", "DiskUsage"))
EVERYTHING = pb.BuildHistoryRequest(EarlyExit=True)


@contextmanager
def silent(name: str) -> Iterator[Daemon]:
    """Yield a daemon whose kernel takes connections, and which never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Daemon(name=name, address=parse_address(f"tcp://127.0.0.1:{server.getsockname()[1]}"))


def gone(name: str) -> Daemon:
    """Return a daemon whose port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    return Daemon(name=name, address=parse_address(f"tcp://127.0.0.1:{port}"))


def _refs(messages: list[bytes]) -> list[str]:
    return [pb.BuildHistoryEvent.FromString(each).record.Ref for each in messages]


def test_a_second_question_goes_over_the_connection_of_the_first() -> None:
    with RecordsServer(record("x", 1)) as server, fleet_of([server.daemon]) as fleet:
        for _ in range(5):
            assert _refs(fleet.ask(LISTEN, pb.BuildHistoryRequest(Ref="x", EarlyExit=True))) == ["x"]
        connections = [
            each
            for each in psutil.Process().net_connections("tcp")
            if each.raddr and each.raddr.port == server.port
        ]

        assert len(server.asked) == 5
        assert len(connections) == 1


def test_who_is_silent_delays_the_first_question_and_not_the_second() -> None:
    one = StoreServer(workers=[worker_pb2.WorkerRecord(ID="w")])
    filtered = pb.ListWorkersRequest(filter=["x"])  # an answer to this is not kept
    with one, silent("mute") as mute, fleet_of([one.daemon("a"), mute]) as fleet:
        first = fleet.ask(WORKERS, filtered)
        told = list(fleet.told)
        began = time.monotonic()
        second = fleet.ask(WORKERS, filtered)
        took = time.monotonic() - began

    assert first == second
    assert took < PATIENCE
    assert [each.ID for each in pb.ListWorkersResponse.FromString(first[0]).record] == ["w"]
    assert len(told) == 1
    assert told[0].startswith("mute (tcp://127.0.0.1:")
    assert told[0].endswith(" did not answer in time; skipping it")
    assert fleet.told == told


def test_where_nobody_answers_the_client_hears_why_of_each() -> None:
    with silent("mute") as mute, fleet_of([gone("lost"), mute]) as fleet:
        code, said = fleet.refused(WORKERS, pb.ListWorkersRequest())

    assert code == Status.UNAVAILABLE
    assert re.fullmatch(
        r"no daemon answered: lost: can't connect to tcp://127\.0\.0\.1:\d+: connection refused;"
        r" mute \(tcp://127\.0\.0\.1:\d+\) did not answer in time",
        said,
    )


def test_a_fleet_that_is_empty_or_cannot_be_listed_is_unavailable() -> None:
    def broken() -> list[Daemon]:
        raise FleetError("can't list pods: forbidden")

    with fleet_of([]) as empty, fleet_of(broken) as unlisted:
        assert empty.refused(WORKERS, pb.ListWorkersRequest()) == (
            Status.UNAVAILABLE,
            "the fleet has no daemons",
        )
        assert unlisted.refused(USAGE, pb.DiskUsageRequest()) == (
            Status.UNAVAILABLE,
            "can't list the daemons: can't list pods: forbidden",
        )


def test_a_daemon_that_is_not_ready_is_not_asked() -> None:
    with RecordsServer(record("x", 1)) as server:
        off = Daemon(name="off", address=server.daemon.address, ready=False, state="CrashLoopBackOff")
        with fleet_of([off]) as fleet:
            code, said = fleet.refused(LISTEN, EVERYTHING)

    assert (code, said) == (Status.UNAVAILABLE, "no daemon answered: off is CrashLoopBackOff")
    assert server.asked == []


def test_a_daemon_without_a_history_hides_nobody_elses() -> None:
    old, new = RecordsServer(name="old", known=False), RecordsServer(record("x", 1))
    with old, new, fleet_of([old.daemon, new.daemon]) as both, fleet_of([old.daemon]) as alone:
        found = _refs(both.ask(LISTEN, EVERYTHING))
        code, _ = alone.refused(LISTEN, EVERYTHING)

    assert found == ["x"]
    assert code == Status.UNIMPLEMENTED


def test_a_daemon_that_floods_its_history_is_left_out() -> None:
    flood = record("flood", 1)
    flood.Exporters.extend(pb.Exporter() for _ in range(100_001))
    bad, good = RecordsServer(flood, name="bad"), RecordsServer(record("x", 1), name="good")
    with bad, good, fleet_of([bad.daemon, good.daemon]) as fleet:
        found = _refs(fleet.ask(LISTEN, EVERYTHING))

    assert found == ["x"]
    assert len(fleet.told) == 1
    assert "more than 100000 fields" in fleet.told[0]


def test_a_large_store_is_told_whole() -> None:
    records = [
        pb.UsageRecord(ID=f"{number}", Size=1, Parents=["p"], UsageCount=1) for number in range(30_000)
    ]
    with StoreServer(*records) as server, fleet_of([server.daemon("a")]) as fleet:
        (answer,) = fleet.ask(USAGE, pb.DiskUsageRequest())

    assert len(pb.DiskUsageResponse.FromString(answer).record) == len(records)


def test_the_daemon_that_is_known_to_have_a_build_is_the_only_one_that_is_asked() -> None:
    a, b = RecordsServer(record("x", 1), name="a"), RecordsServer(record("y", 2), name="b")
    with a, b, fleet_of([a.daemon, b.daemon]) as fleet:
        assert _refs(fleet.ask(LISTEN, EVERYTHING)) == ["x", "y"]
        assert _refs(fleet.ask(LISTEN, pb.BuildHistoryRequest(EarlyExit=True, Ref="y"))) == ["y"]

    assert [request.Ref for request in a.asked] == [""]
    assert [request.Ref for request in b.asked] == ["", "y"]


def test_a_change_goes_only_to_the_daemons_that_have_the_build() -> None:
    a, b = RecordsServer(record("x", 1), name="a"), RecordsServer(record("x", 5), name="b")
    c = RecordsServer(name="c")
    with a, b, c, fleet_of([a.daemon, b.daemon, c.daemon]) as fleet:
        assert fleet.ask(UPDATE, pb.UpdateBuildHistoryRequest(Ref="x", Delete=True)) == [b""]

    assert [[each.Ref for each in server.updated] for server in (a, b, c)] == [["x"], ["x"], []]


def test_a_build_that_a_silent_daemon_may_have_is_not_said_to_be_deleted() -> None:
    with RecordsServer(record("x", 1), name="a") as a, fleet_of([a.daemon, gone("lost")]) as fleet:
        code, said = fleet.refused(UPDATE, pb.UpdateBuildHistoryRequest(Ref="y", Delete=True))
        status = fleet.refused(STATUS, pb.StatusRequest(Ref="y"))
        finalized = fleet.ask(UPDATE, pb.UpdateBuildHistoryRequest(Ref="y", Finalize=True))

    assert code == Status.UNAVAILABLE
    assert said.startswith("no build y on a; 1 of 2 daemons did not answer: lost: can't")
    assert status == (code, said)
    assert finalized == [b""]  # there is nothing to wait for
    assert [each.Finalize for each in a.updated] == [True]


def test_a_client_hears_nothing_of_builds_that_it_may_not_know_of() -> None:
    builds = [record(f"theirs{number}", number + 10) for number in range(5)]
    server = RecordsServer(*builds, record("mine", 1), record("older", 0))
    with server, fleet_of([server.daemon]) as fleet:
        fleet.hidden.update(build.Ref for build in builds)
        limited = _refs(fleet.ask(LISTEN, pb.BuildHistoryRequest(EarlyExit=True, Limit=1)))
        everything = _refs(fleet.ask(LISTEN, EVERYTHING))
        one = fleet.ask(LISTEN, pb.BuildHistoryRequest(EarlyExit=True, Ref="theirs0"))
        refused = [
            fleet.refused(method, request)
            for method, request in (
                (STATUS, pb.StatusRequest(Ref="theirs0")),
                (UPDATE, pb.UpdateBuildHistoryRequest(Ref="theirs0", Delete=True)),
                (UPDATE, pb.UpdateBuildHistoryRequest(Ref="theirs0", Pinned=True)),
            )
        ]

    assert limited == ["mine"]
    assert everything == ["mine", "older"]
    assert one == []
    assert refused == [(Status.NOT_FOUND, "no such job theirs0")] * 3
    assert server.updated == []


def test_a_prune_ends_with_what_went_wrong_where_no_daemon_finished_it() -> None:
    with StoreServer(pb.UsageRecord(ID="a"), breaks=True) as server, fleet_of([server.daemon("a")]) as fleet:
        refused = fleet.refused(PRUNE, pb.PruneRequest())

    assert refused == (Status.UNKNOWN, "failed to remove: input/output error")


def test_a_prune_that_one_daemon_breaks_off_goes_on_on_the_others() -> None:
    bad, good = StoreServer(pb.UsageRecord(ID="a"), breaks=True), StoreServer(pb.UsageRecord(ID="b"))
    with bad, good, fleet_of([bad.daemon("bad"), gone("lost"), good.daemon("good")]) as fleet:
        told = fleet.ask(PRUNE, pb.PruneRequest())

    assert sorted(pb.UsageRecord.FromString(each).ID for each in told) == ["a", "b"]
    assert any("input/output error" in text for text in fleet.told)


def test_a_daemon_that_would_not_respect_a_bound_is_not_asked_to_prune() -> None:
    version = worker_pb2.BuildkitVersion
    old = StoreServer(workers=[worker_pb2.WorkerRecord(BuildkitVersion=version(version="v0.12.0"))])
    new = StoreServer(workers=[worker_pb2.WorkerRecord(BuildkitVersion=version(version="v0.32.1"))])
    with old, new, fleet_of([old.daemon("old"), new.daemon("new")]) as fleet:
        fleet.ask(PRUNE, pb.PruneRequest(maxUsedSpace=1000))

    assert old.requests == []
    assert [request.maxUsedSpace for request in new.requests] == [1000]
    assert any("too old" in text for text in fleet.told)


def test_a_client_that_hangs_up_ends_the_prune_on_the_daemon() -> None:
    with StoreServer(pb.UsageRecord(ID="a"), hangs=True) as server, fleet_of([server.daemon("a")]) as fleet:
        with fleet.following(PRUNE, pb.PruneRequest()) as followed:
            followed.wait(lambda messages: len(messages) == 1)
            assert server.hanging.wait(10)
        assert server.cancelled.wait(10)

    assert isinstance(followed.ended, CancelledError)


def test_more_records_than_a_client_takes_are_refused_and_not_cut_short() -> None:
    big = [pb.UsageRecord(ID=f"{number}", Description="x" * 1_000_000) for number in range(9)]
    a, b = (
        StoreServer(*big),
        StoreServer(*(pb.UsageRecord(ID=f"b{each.ID}", Description=each.Description) for each in big)),
    )
    with a, b, fleet_of([a.daemon("a")]) as one, fleet_of([a.daemon("a"), b.daemon("b")]) as two:
        assert len(one.ask(USAGE, pb.DiskUsageRequest())) == 1
        code, said = two.refused(USAGE, pb.DiskUsageRequest())

    assert code == Status.RESOURCE_EXHAUSTED
    assert said.startswith(
        "the records of 2 daemons are 17 MiB, more than the 16 MiB that clients of BuildKit accept: "
    )


def test_the_fleet_is_not_listed_for_each_call() -> None:
    listed: list[int] = []
    with RecordsServer(record("x", 1)) as server:

        def daemons() -> list[Daemon]:
            listed.append(1)
            return [server.daemon]

        with fleet_of(daemons) as fleet:
            for _ in range(5):
                fleet.ask(LISTEN, EVERYTHING)

    assert len(listed) < 5


def test_a_client_that_does_not_read_holds_the_daemon_back() -> None:
    with ContentServer(messages=100) as server, fleet_of([server.daemon]) as fleet:
        reading = threading.Event()
        taken: list[int] = []

        def emit(message: bytes) -> None:
            assert reading.wait(20)
            taken.append(len(message))

        read = content_pb2.ReadContentRequest(digest="sha256:" + "0" * 64)
        client = threading.Thread(target=fleet.ask, args=(CONTENT + "Read", read, emit))
        client.start()
        server.wait_until_held(within=20)
        sent = server.sent
        reading.set()
        client.join(20)

    assert sent < 50  # MiB: what lies on the way, and no more
    assert len(taken) == server.sent == 100


def test_a_stream_that_is_quiet_for_long_is_not_taken_for_abuse(monkeypatch: pytest.MonkeyPatch) -> None:
    """gRPC servers end connections on which several PINGs arrive and nothing else is said."""
    monkeypatch.setattr(channel, "_ASK_AFTER", 0.2)
    monkeypatch.setattr(control, "QUIET", 0.1)
    server = StoreServer(pb.UsageRecord(ID="a"), hangs=True)
    with (
        server,
        fleet_of([server.daemon("a")]) as fleet,
        fleet.following(PRUNE, pb.PruneRequest()) as followed,
    ):
        followed.wait(lambda messages: len(messages) == 1)

        assert not followed.ends(within=3), followed.ended


@pytest.mark.parametrize("method", [PRUNE, LISTEN, UPDATE, STATUS, CONTENT + "Info", CONTENT + "Read"])
def test_a_request_that_is_none_is_refused_before_anybody_is_asked(method: str) -> None:
    with fleet_of([gone("lost")]) as fleet, pytest.raises(CallRefused) as refused:
        fleet.ask_packed(method, b"\x0a\xff")

    assert refused.value.code == Status.INTERNAL
    assert str(refused.value).startswith("the request is not a ")
    assert fleet.told == []
