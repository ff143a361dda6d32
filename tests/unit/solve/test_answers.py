"""Answers of a daemon are read as far as they are answers, and in time."""

from __future__ import annotations

import pytest

from router._proto import control_pb2 as pb
from router.errors import RpcError
from router.net.deadline import Deadline
from router.rpc.grpc import Status
from router.rpc.protobuf import field
from router.solve.answers import disk_usage, parsed, usage_record

FAR = 60.0


def store(records: int) -> bytes:
    answer = pb.DiskUsageResponse()
    for number in range(records):
        record = answer.record.add(
            ID=f"{number:025}", Size=number + 1, Parents=["p"], Description="mount / from exec", UsageCount=2
        )
        record.CreatedAt.seconds = record.LastUsedAt.seconds = 1_700_000_000
    return answer.SerializeToString()


def test_a_large_store_is_read() -> None:
    assert len(disk_usage(store(20_000), Deadline(FAR)).record) == 20_000


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x0a\x00" * 100_001, id="empty records"),
        pytest.param(field(1, bytes((10 << 3 | 2, 0)) * 100_001), id="one record of empty parents"),
        pytest.param(field(1, bytes((10 << 3 | 2, 0)) * 90_000) * 12, id="records of empty parents"),
        pytest.param(b"\x0b" * 100, id="groups that never end"),
    ],
)
def test_what_is_not_the_answer_of_a_store_is_refused_before_it_is_read(data: bytes) -> None:
    with pytest.raises(RpcError, match="the daemon's answer"):
        disk_usage(data, Deadline(FAR))


def test_the_deadline_of_an_answer_covers_the_reading() -> None:
    with pytest.raises(RpcError, match="took too long to read") as caught:
        disk_usage(store(10), Deadline(0))
    assert caught.value.code == Status.DEADLINE_EXCEEDED


def test_fields_are_counted_however_deep_they_are() -> None:
    deep = pb.BuildHistoryEvent()
    deep.record.Results["linux/amd64"].Attestations.add(annotations={str(each): "" for each in range(60)})
    packed = deep.SerializeToString()
    assert parsed(pb.BuildHistoryEvent(), packed) == deep
    with pytest.raises(RpcError, match="more than 50 fields"):
        parsed(pb.BuildHistoryEvent(), packed, fields=50)


def test_one_record_is_read_as_it_is() -> None:
    record = pb.UsageRecord(ID="a", Size=5, Parents=["x", "y"])
    assert usage_record(record.SerializeToString()) == record
