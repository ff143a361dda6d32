"""Answers of several daemons made one: nothing is lost, and nothing counted twice."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router._proto import control_pb2 as pb
from router._proto import ops_pb2, worker_pb2
from router.rpc.protobuf import field
from router.serving.merging import merged_usage, merged_workers, oldest

# Fields of a BuildKit that is newer than we are.
UNKNOWN = field(2000, b"what a newer BuildKit says")
UNKNOWN_OF_A_RECORD = field(3000, b"of a record")

records = st.builds(
    pb.UsageRecord,
    ID=st.text("abcdef", min_size=1, max_size=2),
    Size=st.integers(0, 1 << 40),
    InUse=st.booleans(),
    Description=st.text(max_size=5),
    Parents=st.lists(st.text("abc", max_size=3), max_size=2),
)
answers = st.lists(st.lists(records, max_size=6), max_size=4)


def _packed(listed: Sequence[pb.UsageRecord]) -> bytes:
    """Return an answer as a newer daemon packs it."""
    return UNKNOWN + b"".join(field(1, each.SerializeToString() + UNKNOWN_OF_A_RECORD) for each in listed)


@given(answers)
def test_each_record_is_there_once_as_the_first_daemon_told_it(told: list[list[pb.UsageRecord]]) -> None:
    merged = pb.DiskUsageResponse.FromString(merged_usage(map(_packed, told)))

    first = {record.ID: record for daemon in reversed(told) for record in reversed(daemon)}
    assert [record.ID for record in merged.record] == list(
        dict.fromkeys(record.ID for daemon in told for record in daemon)
    )
    assert sum(record.Size for record in merged.record) == sum(each.Size for each in first.values())
    for record in merged.record:
        assert record.SerializeToString() == first[record.ID].SerializeToString() + UNKNOWN_OF_A_RECORD


@given(answers)
def test_fields_that_we_do_not_know_stay(told: list[list[pb.UsageRecord]]) -> None:
    merged = merged_usage(map(_packed, told))

    assert merged.count(UNKNOWN) == len(told)


@given(records)
def test_one_daemons_answer_stays_as_it_is(record: pb.UsageRecord) -> None:
    told = _packed([record])

    assert len(merged_usage([told])) == len(told)
    assert pb.DiskUsageResponse.FromString(merged_usage([told])) == pb.DiskUsageResponse.FromString(told)


def _worker(name: str, *architectures: str) -> bytes:
    platforms = [ops_pb2.Platform(OS="linux", Architecture=each) for each in architectures]
    record = worker_pb2.WorkerRecord(ID=name, platforms=platforms)
    return pb.ListWorkersResponse(record=[record]).SerializeToString()


def test_the_platforms_are_the_union_and_the_first_daemon_stays_the_first() -> None:
    told = [_worker("a", "amd64"), _worker("b", "arm64", "arm"), _worker("c", "amd64", "386")]
    merged = pb.ListWorkersResponse.FromString(merged_workers(told))

    assert [worker.ID for worker in merged.record] == ["a", "b", "c"]
    platforms = {each.Architecture for worker in merged.record for each in worker.platforms}
    assert platforms == {"amd64", "arm64", "arm", "386"}


def test_a_daemon_that_has_two_names_has_its_worker_once() -> None:
    told = [_worker("a", "amd64"), _worker("b", "arm64"), _worker("a", "amd64")]
    merged = pb.ListWorkersResponse.FromString(merged_workers(told))

    assert [worker.ID for worker in merged.record] == ["a", "b"]


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        (["v0.32.1"], "v0.32.1"),
        (["v0.32.1", "v0.9.3", "v0.11.0"], "v0.9.3"),
        (["v0.20.0", "v0.20.0-rc1"], "v0.20.0-rc1"),
        (["v1.0.0", "v0.40.0"], "v0.40.0"),
        (["0a1b2c3.m", "v0.32.1"], "v0.32.1"),
        (["", "v0.32.1"], "v0.32.1"),
        (["0a1b2c3.m", ""], "0a1b2c3.m"),
    ],
)
def test_the_version_is_that_of_the_oldest(versions: list[str], expected: str) -> None:
    told = [
        pb.InfoResponse(buildkitVersion=worker_pb2.BuildkitVersion(version=each)).SerializeToString()
        + UNKNOWN
        for each in versions
    ]

    found = oldest(told)
    assert pb.InfoResponse.FromString(found).buildkitVersion.version == expected
    assert found.endswith(UNKNOWN)
