"""The builds in flight, and a build's place among them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router._proto import control_pb2 as pb
from router.rpc.events import Http2Error
from router.solve.inflight import BuildsInFlight, HistoryEvent, history_event


def event(
    kind: pb.BuildHistoryEventType.ValueType, ref: str, created: tuple[int, int] = (0, 0)
) -> memoryview:
    record = pb.BuildHistoryRecord(Ref=ref, Frontend="dockerfile.v0", FrontendAttrs={"target": "a"})
    record.CreatedAt.seconds, record.CreatedAt.nanos = created
    return memoryview(pb.BuildHistoryEvent(type=kind, record=record).SerializeToString())


def listed(**created: tuple[int, int]) -> BuildsInFlight:
    builds = BuildsInFlight()
    for ref, time in created.items():
        builds.see(event(pb.STARTED, ref, time))
    return builds


def test_an_event_is_read() -> None:
    assert history_event(event(pb.STARTED, "a", (5, 7))) == HistoryEvent(
        ref="a", started=True, created=(5, 7)
    )
    assert not history_event(event(pb.COMPLETE, "a")).started
    assert not history_event(event(pb.DELETED, "a")).started


def test_references_that_are_too_long_are_not_kept_whole() -> None:
    assert len(history_event(event(pb.STARTED, "r" * 1_000_000)).ref) == 1000


def test_what_is_listed_as_started_is_in_flight() -> None:
    builds = listed(a=(1, 0), b=(2, 0))
    builds.see(event(pb.COMPLETE, "c"))
    assert len(builds) == 2


def test_the_place_of_a_build_is_the_number_of_those_begun_before_it_in_whatever_order_they_are_listed() -> (
    None
):
    builds = listed(c=(5, 2), ours=(5, 1), b=(4, 9), a=(5, 0))
    assert builds.before("ours") == 2


def test_builds_of_one_moment_are_told_apart_by_their_names() -> None:
    builds = listed(b=(1, 0), a=(1, 0), c=(1, 0))
    assert [builds.before(ref) for ref in "abc"] == [0, 1, 2]


def test_a_build_that_is_not_listed_is_over_and_behind_nobody() -> None:
    assert listed(a=(1, 0), b=(2, 0)).before("ours") == 0


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
