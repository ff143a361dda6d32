"""What is answered for a whole fleet of real daemons, beside what each of them answers by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from router._proto import content_pb2, worker_pb2
from router._proto import control_pb2 as pb
from router.address import parse_address
from router.model.daemon import Daemon
from router.serving.peers import PATIENCE
from tests.e2e import stores
from tests.e2e.stores import Stores
from tests.servers.buildkitd import start_buildkitd
from tests.servers.ports import free_port
from tests.wire.serving.fleet_calls import (
    CONTENT,
    CONTROL,
    FleetCalls,
    Followed,
    alone,
    fleet_of,
    refused_alone,
)

_Sizes = list[tuple[str, int]]
_Asks = Callable[[str, pb.DiskUsageRequest], list[bytes]]

NAMES = ("ash", "birch", "cedar")
LISTEN, UPDATE, STATUS = (CONTROL + name for name in ("ListenBuildHistory", "UpdateBuildHistory", "Status"))
WORKERS, INFO, USAGE, PRUNE = (CONTROL + name for name in ("ListWorkers", "Info", "DiskUsage", "Prune"))
EVERYTHING = pb.BuildHistoryRequest(EarlyExit=True)
# Seconds for which gRPC's server waits, at its end, until its goodbye is answered.
GOODBYE = 5.0
SLOW = """\
FROM {base}
RUN echo begun; sleep {size}
"""


@pytest.fixture(scope="module")
def three(busybox: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Three daemons with builds of their own."""
    with stores.started(tmp_path_factory.mktemp("stores"), NAMES, busybox) as found:
        for name, size in (("ash", 1000), ("ash", 2000), ("birch", 3000), ("cedar", 4000)):
            found.build(name, size=size)
        for name in NAMES:
            found.records(name)  # the first question after a build measures, which counts as a use
        yield found


@pytest.fixture
def daemons(three: Stores) -> dict[str, Daemon]:
    return {name: _daemon(name, each.address) for name, each in three.daemons.items()}


@pytest.fixture
def fleet(daemons: Mapping[str, Daemon]) -> Iterator[FleetCalls]:
    with fleet_of(tuple(daemons.values())) as found:
        yield found


def _daemon(name: str, address: str) -> Daemon:
    return Daemon(name=name, address=parse_address(address))


@contextmanager
def frozen(three: Stores, name: str) -> Iterator[None]:
    three.daemons[name].freeze()
    try:
        yield
    finally:
        three.daemons[name].thaw()


def _events(messages: Sequence[bytes]) -> list[pb.BuildHistoryEvent]:
    return [pb.BuildHistoryEvent.FromString(each) for each in messages]


def _by_ref(messages: Sequence[bytes]) -> dict[str, pb.BuildHistoryEvent]:
    events = {each.record.Ref: each for each in _events(messages)}
    assert len(events) == len(messages)
    return events


def _remembered(daemon: Daemon) -> dict[str, pb.BuildHistoryEvent]:
    return _by_ref(alone(daemon, LISTEN, EVERYTHING))


def _latest(daemon: Daemon) -> pb.BuildHistoryRecord:
    (event,) = _events(alone(daemon, LISTEN, pb.BuildHistoryRequest(EarlyExit=True, Limit=1)))
    return event.record


def test_the_workers_are_those_of_all_daemons_in_their_order(
    fleet: FleetCalls, daemons: Mapping[str, Daemon]
) -> None:
    request = pb.ListWorkersRequest()
    (answer,) = fleet.ask(WORKERS, request)

    theirs = [record for each in daemons.values() for record in _workers(alone(each, WORKERS, request))]
    assert list(_workers([answer])) == theirs
    assert len({record.ID for record in theirs}) == 3
    (nobody,) = fleet.ask(WORKERS, pb.ListWorkersRequest(filter=["id==x"]))
    assert _workers([nobody]) == []


def _workers(messages: Sequence[bytes]) -> list[worker_pb2.WorkerRecord]:
    return [each for message in messages for each in pb.ListWorkersResponse.FromString(message).record]


def test_the_version_is_that_of_one_daemon(fleet: FleetCalls, daemons: Mapping[str, Daemon]) -> None:
    assert fleet.ask(INFO, pb.InfoRequest()) == alone(daemons["ash"], INFO, pb.InfoRequest())


@pytest.mark.parametrize("filters", [[], ["type==exec.cachemount"]])
def test_the_disk_usage_is_every_record_of_every_daemon_once(
    fleet: FleetCalls, daemons: Mapping[str, Daemon], filters: list[str]
) -> None:
    request = pb.DiskUsageRequest(filter=filters)
    ash_again = _daemon("again", str(daemons["ash"].address))
    apart = [partial(alone, each) for each in daemons.values()]
    with fleet_of((*daemons.values(), ash_again)) as doubled:
        for calls in (fleet, doubled):
            ours, theirs = _same_moment(
                partial(_sizes, [calls.ask], request), partial(_sizes, apart, request)
            )
            assert ours == theirs
            assert sum(size for _, size in theirs) > 0


def _same_moment(ours: Callable[[], _Sizes], theirs: Callable[[], _Sizes]) -> tuple[_Sizes, _Sizes]:
    """Return both of a moment at which nothing changed: daemons write some records after their builds."""
    for _ in range(20):
        before, asked, after = theirs(), ours(), theirs()
        if before == after:
            return asked, before
    raise AssertionError("the daemons' records never stopped changing")


def _sizes(askers: Sequence[_Asks], request: pb.DiskUsageRequest) -> _Sizes:
    """Return the records that these tell of, by id."""
    return sorted((record.ID, record.Size) for asks in askers for record in _usage(asks(USAGE, request)))


def _usage(messages: Sequence[bytes]) -> list[pb.UsageRecord]:
    (message,) = messages
    return list(pb.DiskUsageResponse.FromString(message).record)


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        (USAGE, pb.DiskUsageRequest(filter=["type+regular"])),
        (PRUNE, pb.PruneRequest(filter=["type+regular"])),
        (LISTEN, pb.BuildHistoryRequest(EarlyExit=True, Filter=["ref+x"])),
        (LISTEN, pb.BuildHistoryRequest(EarlyExit=True, Limit=-1)),
        (UPDATE, pb.UpdateBuildHistoryRequest(Ref="unknown", Pinned=True)),
        (UPDATE, pb.UpdateBuildHistoryRequest(Ref="unknown", Delete=True)),
        (UPDATE, pb.UpdateBuildHistoryRequest(Ref="unknown", Finalize=True)),
        (STATUS, pb.StatusRequest(Ref="unknown")),
        (CONTENT + "Info", content_pb2.InfoRequest(digest="sha256:" + "0" * 64)),
        (CONTENT + "Read", content_pb2.ReadContentRequest(digest="sha256:" + "0" * 64)),
        (CONTENT + "Info", content_pb2.InfoRequest(digest="none")),
    ],
)
def test_what_is_wrong_with_a_request_is_said_as_a_daemon_says_it(
    fleet: FleetCalls, daemons: Mapping[str, Daemon], method: str, request_: pb.StatusRequest
) -> None:
    assert fleet.refused(method, request_) == refused_alone(daemons["cedar"], method, request_)


def test_the_history_is_that_of_all_daemons(fleet: FleetCalls, daemons: Mapping[str, Daemon]) -> None:
    theirs = {ref: event for each in daemons.values() for ref, event in _remembered(each).items()}

    assert len(theirs) >= 4
    assert _by_ref(fleet.ask(LISTEN, EVERYTHING)) == theirs
    for ref, event in theirs.items():
        assert _by_ref(fleet.ask(LISTEN, pb.BuildHistoryRequest(EarlyExit=True, Ref=ref))) == {ref: event}
    begun = sorted(theirs.values(), key=lambda each: each.record.CreatedAt.ToNanoseconds(), reverse=True)
    assert _events(fleet.ask(LISTEN, pb.BuildHistoryRequest(EarlyExit=True, Limit=3))) == begun[:3]
    probe = pb.BuildHistoryRequest(EarlyExit=True, ActiveOnly=True, Ref="buildx-test-history-api-feature")
    assert fleet.ask(LISTEN, probe) == []


def test_a_stream_begins_with_what_is_known_and_tells_what_happens_on_every_daemon(
    fleet: FleetCalls, three: Stores, daemons: Mapping[str, Daemon]
) -> None:
    before = {ref for each in daemons.values() for ref in _remembered(each)}
    with fleet.following(LISTEN, pb.BuildHistoryRequest()) as followed:
        begun = followed.wait(lambda messages: len(messages) >= len(before))
        assert set(_by_ref(begun)) == before

        three.build("birch", size=5000)
        three.build("cedar", size=6000)
        of_birch, of_cedar = (_latest(daemons[name]).Ref for name in ("birch", "cedar"))
        for ref in (of_birch, of_cedar):
            followed.wait(partial(_tells, ref, pb.COMPLETE))
            assert _told(followed, ref)[:2] == [(pb.STARTED, False), (pb.COMPLETE, False)]

        alone(daemons["birch"], UPDATE, pb.UpdateBuildHistoryRequest(Ref=of_birch, Pinned=True))
        alone(daemons["birch"], UPDATE, pb.UpdateBuildHistoryRequest(Ref=of_birch, Delete=True))
        followed.wait(partial(_tells, of_birch, pb.DELETED))
        assert _told(followed, of_birch)[-2:] == [(pb.COMPLETE, True), (pb.DELETED, False)]

        fleet.hidden.add(of_cedar)
        heard = len(_told(followed, of_cedar))
        alone(daemons["cedar"], UPDATE, pb.UpdateBuildHistoryRequest(Ref=of_cedar, Delete=True))
        three.build("cedar", size=9000)
        followed.wait(partial(_tells, _latest(daemons["cedar"]).Ref, pb.COMPLETE))
        assert len(_told(followed, of_cedar)) == heard
        left = time.monotonic()
    assert time.monotonic() - left < 2


def _tells(ref: str, kind: pb.BuildHistoryEventType.ValueType, messages: Sequence[bytes]) -> bool:
    return any(each.record.Ref == ref and each.type == kind for each in _events(messages))


def _told(followed: Followed, ref: str) -> list[tuple[int, bool]]:
    """Return what kinds of events there were of a build, and whether it was pinned."""
    return [(each.type, each.record.pinned) for each in _events(followed.messages) if each.record.Ref == ref]


def test_only_builds_that_run_are_told_where_only_they_are_asked_for(
    fleet: FleetCalls, three: Stores, daemons: Mapping[str, Daemon]
) -> None:
    with fleet.following(LISTEN, pb.BuildHistoryRequest(ActiveOnly=True)) as followed:
        three.build("ash", size=7000)
        ref = _latest(daemons["ash"]).Ref

        def of_the_build(messages: Sequence[bytes]) -> list[int]:
            return [each.type for each in _events(messages) if each.record.Ref == ref]

        messages = followed.wait(lambda messages: len(of_the_build(messages)) >= 2)

    assert of_the_build(messages)[:2] == [pb.STARTED, pb.COMPLETE]
    assert {each.record.Ref for each in _events(messages)} == {ref}
    assert len(_remembered(daemons["ash"])) > 2


def test_a_record_is_pinned_and_deleted_where_it_is(
    fleet: FleetCalls, three: Stores, daemons: Mapping[str, Daemon]
) -> None:
    three.build("cedar", size=8000)
    ref = _latest(daemons["cedar"]).Ref
    others = [_remembered(daemons[name]) for name in ("ash", "birch")]

    for pinned in (True, False):
        assert fleet.ask(UPDATE, pb.UpdateBuildHistoryRequest(Ref=ref, Pinned=pinned)) == [b""]
        assert _remembered(daemons["cedar"])[ref].record.pinned == pinned
    assert fleet.ask(UPDATE, pb.UpdateBuildHistoryRequest(Ref=ref, Finalize=True)) == [b""]
    with fleet.following(LISTEN, pb.BuildHistoryRequest()) as followed:
        followed.wait(lambda messages: ref in _by_ref(messages))
        assert fleet.ask(UPDATE, pb.UpdateBuildHistoryRequest(Ref=ref, Delete=True)) == [b""]
        # It is gone for good: a record that is only hidden is not told of.
        followed.wait(partial(_tells, ref, pb.DELETED))
        gone = [each.record.Ref for each in _events(followed.messages) if each.type == pb.DELETED]
    assert gone == [ref]
    assert ref not in _remembered(daemons["cedar"])
    assert [_remembered(daemons[name]) for name in ("ash", "birch")] == others


@pytest.mark.parametrize("name", NAMES)
def test_the_status_of_a_build_that_is_over_is_its_daemons(
    fleet: FleetCalls, daemons: Mapping[str, Daemon], name: str
) -> None:
    request = pb.StatusRequest(Ref=_latest(daemons[name]).Ref)
    ours, theirs = fleet.ask(STATUS, request), alone(daemons[name], STATUS, request)

    assert theirs
    assert [pb.StatusResponse.FromString(each) for each in ours] == [
        pb.StatusResponse.FromString(each) for each in theirs
    ]


@pytest.mark.parametrize("known", [True, False])
def test_blobs_are_read_from_the_daemon_that_has_them(
    fleet: FleetCalls, daemons: Mapping[str, Daemon], *, known: bool
) -> None:
    for daemon in daemons.values():
        digest = _latest(daemon).logs.digest
        if known:
            fleet.ask(LISTEN, EVERYTHING)
        info = content_pb2.InfoRequest(digest=digest)
        read = content_pb2.ReadContentRequest(digest=digest)
        part = content_pb2.ReadContentRequest(digest=digest, offset=5, size=20)

        assert fleet.ask(CONTENT + "Info", info) == alone(daemon, CONTENT + "Info", info)
        whole = _data(fleet.ask(CONTENT + "Read", read))
        assert whole == _data(alone(daemon, CONTENT + "Read", read))
        assert _data(fleet.ask(CONTENT + "Read", part)) == whole[5:25]


def _data(messages: Sequence[bytes]) -> bytes:
    return b"".join(content_pb2.ReadContentResponse.FromString(each).data for each in messages)


def test_a_frozen_and_a_dead_daemon_fail_nobody_and_delay_nobody_for_long(
    three: Stores, daemons: Mapping[str, Daemon]
) -> None:
    dead = _daemon("dead", f"tcp://127.0.0.1:{free_port()}")
    ref = _latest(daemons["cedar"]).Ref
    here = [daemons["ash"], daemons["cedar"]]
    calls: list[tuple[str, pb.DiskUsageRequest | pb.BuildHistoryRequest | pb.ListWorkersRequest]] = [
        (WORKERS, pb.ListWorkersRequest()),
        (INFO, pb.InfoRequest()),  # type: ignore[list-item]
        (USAGE, pb.DiskUsageRequest()),
        (LISTEN, EVERYTHING),
        (LISTEN, pb.BuildHistoryRequest(EarlyExit=True, Ref=ref)),
        (STATUS, pb.StatusRequest(Ref=ref)),  # type: ignore[list-item]
    ]
    with fleet_of((*daemons.values(), dead)) as fleet, frozen(three, "birch"):
        answers = []
        for method, request in calls:
            began = time.monotonic()
            answers.append(fleet.ask(method, request))
            assert time.monotonic() - began < PATIENCE + 2  # and a busy machine

    assert _workers(answers[0]) == [each for one in here for each in _workers(alone(one, *calls[0]))]
    assert {record.ID for record in _usage(answers[2])} == {
        record.ID for one in here for record in _usage(alone(one, *calls[2]))
    }
    assert set(_by_ref(answers[3])) == {ref for one in here for ref in _remembered(one)}
    assert list(_by_ref(answers[4])) == [ref]
    assert pb.StatusResponse.FromString(answers[5][0]).vertexes
    assert {text.split()[0].rstrip(":") for text in fleet.told} == {"birch", "dead"}


def test_a_prune_deletes_on_all_that_answer_and_on_a_frozen_daemon_neither_now_nor_later(
    three: Stores, daemons: Mapping[str, Daemon]
) -> None:
    mounts = "type==exec.cachemount"
    before = {name: {each["id"] for each in three.records(name, mounts)} for name in NAMES}
    with fleet_of(tuple(daemons.values())) as fleet:
        with frozen(three, "birch"):
            began = time.monotonic()
            told = fleet.ask(PRUNE, pb.PruneRequest(filter=[mounts], all=True))
            assert time.monotonic() - began < PATIENCE + 5

        assert {pb.UsageRecord.FromString(each).ID for each in told} == before["ash"] | before["cedar"]
        assert len(told) == len(before["ash"] | before["cedar"]) > 1
        assert [three.records(name, mounts) for name in ("ash", "cedar")] == [[], []]
        assert {each["id"] for each in three.records("birch", mounts)} == before["birch"]
        assert fleet.told[0].startswith("birch (")


def test_a_daemon_that_was_restarted_is_heard_again(three: Stores, daemons: Mapping[str, Daemon]) -> None:
    folder = three.folder / "restarted"
    with start_buildkitd(folder) as first:
        added = _daemon("elm", first.address)
        port = first.port
        with fleet_of((*daemons.values(), added)) as fleet:
            assert len(_workers(fleet.ask(WORKERS, pb.ListWorkersRequest(filter=[""])))) == 4
            first.stop()
            with start_buildkitd(folder, port=port):
                assert len(_workers(fleet.ask(WORKERS, pb.ListWorkersRequest(filter=[""])))) == 4
            assert fleet.told == []


def test_a_daemon_that_is_stopped_does_not_wait_for_connections_that_are_kept(tmp_path: Path) -> None:
    with start_buildkitd(tmp_path) as daemon, fleet_of([_daemon("elm", daemon.address)]) as fleet:
        fleet.ask(WORKERS, pb.ListWorkersRequest(filter=[""]))
        began = time.monotonic()
        daemon.stop()
        took = time.monotonic() - began

        assert took < GOODBYE
        assert fleet.told == []


def test_a_stream_hears_a_daemon_again_that_was_restarted_and_tells_nothing_twice(
    three: Stores, daemons: Mapping[str, Daemon], tmp_path: Path
) -> None:
    folder = tmp_path / "elm"
    with start_buildkitd(folder) as first:
        port, address = first.port, first.address
        elm = Stores(daemons={"elm": first}, base=three.base, folder=three.folder)
        elm.build("elm", size=10)
        members = (daemons["ash"], _daemon("elm", address))
        with fleet_of(members) as fleet, fleet.following(LISTEN, pb.BuildHistoryRequest()) as followed:
            known = sum(len(_remembered(each)) for each in members)
            followed.wait(lambda messages: len(messages) == known)
            first.stop()
            with start_buildkitd(folder, port=port) as second:
                again = Stores(daemons={"elm": second}, base=three.base, folder=three.folder)
                again.build("elm", size=20)
                ref = _latest(members[1]).Ref
                followed.wait(lambda messages: ref in {each.record.Ref for each in _events(messages)})
                events = _events(followed.messages)

    assert len(events) > known
    told = [(each.record.Ref, each.type, each.record.Generation) for each in events]
    assert len(told) == len(set(told))
