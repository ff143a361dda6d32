"""Records of the history, as they are read from the wire."""

from __future__ import annotations

import pytest

from router._proto import control_pb2 as pb
from router._proto.status_pb2 import Status
from router.model.mark import BuildMark
from router.model.record import Blob, BuildRecord, RecordedError, RecordedExporter
from router.rpc.events import Http2Error
from router.solve.mark import mark_attrs
from router.solve.record import record_event

SECOND = 1_000_000_000


def read(
    record: pb.BuildHistoryRecord, kind: pb.BuildHistoryEventType.ValueType = pb.COMPLETE
) -> BuildRecord:
    found = record_event(memoryview(pb.BuildHistoryEvent(type=kind, record=record).SerializeToString()))
    assert found is not None
    return found


def test_each_field_is_read() -> None:
    blob = pb.Descriptor(media_type="m", digest="sha256:a", size=5, annotations={"x": "y"})
    record = pb.BuildHistoryRecord(
        Ref="ref",
        Frontend="dockerfile.v0",
        FrontendAttrs={"target": "a"},
        Exporters=[pb.Exporter(Type="image", Attrs={"name": "app:1,app:2"}), pb.Exporter(Type="local")],
        ExporterResponse={"containerimage.config": "{}"},
        Result=pb.BuildResultInfo(Attestations=[blob], Results={1: blob}, ResultDeprecated=blob),
        Results={"linux/arm64": pb.BuildResultInfo(Attestations=[blob, blob])},
        Generation=3,
        logs=blob,
        trace=blob,
        externalError=blob,
        pinned=True,
        numCachedSteps=1,
        numTotalSteps=3,
        numCompletedSteps=2,
        numWarnings=4,
    )
    record.CreatedAt.seconds, record.CreatedAt.nanos = 10, 7
    record.CompletedAt.seconds = 12
    record.error.code, record.error.message = 2, "failed"
    is_blob = Blob(media_type="m", digest="sha256:a", size=5, annotations={"x": "y"})

    assert read(record) == BuildRecord(
        ref="ref",
        frontend="dockerfile.v0",
        attrs={"target": "a"},
        exporters=(
            RecordedExporter(type="image", attrs={"name": "app:1,app:2"}),
            RecordedExporter(type="local"),
        ),
        created=10 * SECOND + 7,
        completed=12 * SECOND,
        error=RecordedError(code=2, message="failed"),
        cached_steps=1,
        total_steps=3,
        completed_steps=2,
        warnings=4,
        pinned=True,
        response={"containerimage.config": "{}"},
        logs=is_blob,
        trace=is_blob,
        error_details=is_blob,
        attestations={"": (is_blob,), "linux/arm64": (is_blob, is_blob)},
        results={"": {0: is_blob, 1: is_blob}, "linux/arm64": {}},
    )


def test_an_empty_record_is_one() -> None:
    assert read(pb.BuildHistoryRecord(Ref="a"), pb.STARTED) == BuildRecord(ref="a")


def test_a_record_that_was_deleted_is_none() -> None:
    event = pb.BuildHistoryEvent(type=pb.DELETED, record=pb.BuildHistoryRecord(Ref="a"))
    assert record_event(memoryview(event.SerializeToString())) is None


def test_what_warmroute_has_left_is_found_in_the_first_output_or_the_frontend() -> None:
    mark = BuildMark(key="app", rule="tag", place=2, attempt=1, by="ann@host")
    image = pb.Exporter(Type="image", Attrs=mark_attrs(mark))

    assert read(pb.BuildHistoryRecord(Exporters=[image])).mark == mark
    assert read(pb.BuildHistoryRecord(FrontendAttrs=mark_attrs(mark))).mark == mark


@pytest.mark.parametrize(
    ("error", "completed", "status"),
    [
        (None, False, "running"),
        (None, True, "completed"),
        (Status(code=2, message="exit 1"), True, "error"),
        (Status(code=1, message="stopped"), True, "canceled"),
        (Status(code=2, message="x: context canceled"), True, "canceled"),
    ],
)
def test_the_status_is_the_word_of_buildx(error: Status | None, completed: bool, status: str) -> None:
    record = pb.BuildHistoryRecord(Ref="a")
    if error is not None:
        record.error.CopyFrom(error)
    if completed:
        record.CompletedAt.seconds = 1
    assert read(record).status == status


def test_what_a_hostile_daemon_tells_is_kept_up_to_bounds() -> None:
    record = pb.BuildHistoryRecord(
        Ref="r" * 1_000_000,
        Exporters=[pb.Exporter(Type="t" * 100_000, Attrs={"name": "n" * 1_000_000})] * 3,
        FrontendAttrs={str(number): "" for number in range(5000)},
        Result=pb.BuildResultInfo(Attestations=[pb.Descriptor()] * 5000),
    )
    record.error.message = "e" * 1_000_000

    found = read(record)

    assert len(found.ref) == 1000
    assert len(found.attrs) == 1000
    assert len(found.exporters[0].type) == 1000
    assert len(found.exporters[0].attrs["name"]) == 20_000
    assert len(found.attestations[""]) == 1000
    assert found.error is not None
    assert len(found.error.message) == 20_000


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(Http2Error):
        record_event(memoryview(b"\x12\x03\x0a\xff\xff"))


def test_a_build_takes_time_until_it_ends_or_until_now() -> None:
    assert BuildRecord(ref="a", created=5, completed=9).duration(100) == 4
    assert BuildRecord(ref="a", created=5).duration(100) == 95
    assert BuildRecord(ref="a", created=500).duration(100) == 0, "clocks differ"
    assert BuildRecord(ref="a").duration(100) is None


def test_the_images_of_a_build_are_those_its_outputs_name_each_once() -> None:
    outputs = (
        RecordedExporter(type="image", attrs={"name": "a:1,b:2"}),
        RecordedExporter(type="oci", attrs={"name": "a:1"}),
        RecordedExporter(type="local"),
    )
    assert BuildRecord(ref="a", exporters=outputs).images == ("a:1", "b:2")
