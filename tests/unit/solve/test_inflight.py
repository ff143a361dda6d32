"""The builds in flight, and a build's place among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router._proto import control_pb2 as pb
from router.rpc.events import Http2Error
from router.solve.inflight import BuildsInFlight


def event(kind: pb.BuildHistoryEventType.ValueType, ref: str) -> memoryview:
    record = pb.BuildHistoryRecord(Ref=ref, Frontend="dockerfile.v0", FrontendAttrs={"target": "a"})
    return memoryview(pb.BuildHistoryEvent(type=kind, record=record).SerializeToString())


def told(*events: tuple[pb.BuildHistoryEventType.ValueType, str]) -> BuildsInFlight:
    builds = BuildsInFlight()
    for kind, ref in events:
        builds.see(event(kind, ref))
    return builds


def test_what_started_and_did_not_end_is_in_flight() -> None:
    builds = told((pb.STARTED, "a"), (pb.STARTED, "b"), (pb.COMPLETE, "a"), (pb.DELETED, "c"))
    assert len(builds) == 1
    assert "b" in builds
    assert "a" not in builds


def test_the_place_of_a_build_is_the_number_of_those_announced_before_it_that_still_run() -> None:
    builds = told((pb.STARTED, "a"), (pb.STARTED, "b"), (pb.STARTED, "ours"), (pb.STARTED, "c"))
    assert builds.before("ours") == 2
    builds.see(event(pb.COMPLETE, "a"))
    assert builds.before("ours") == 1


def test_a_build_that_is_not_announced_yet_comes_behind_all() -> None:
    assert told((pb.STARTED, "a"), (pb.STARTED, "b")).before("ours") == 2


def test_a_daemon_that_announces_without_end_does_not_fill_the_memory() -> None:
    builds = BuildsInFlight()
    for number in range(20_000):
        builds.see(event(pb.STARTED, str(number)))
    assert len(builds) == 10_000


@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(message: bytes) -> None:
    builds = BuildsInFlight()
    try:
        builds.see(memoryview(message))
    except Http2Error:
        return
    assert len(builds) <= 1


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(Http2Error):
        BuildsInFlight().see(memoryview(b"\x12\xff"))
