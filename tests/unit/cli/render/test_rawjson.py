"""The Status stream as JSON."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.render.rawjson import RawJsonRenderer, encode_status
from router.address import parse_address
from router.model.events import (
    Attempt,
    Notice,
    ProgressGroup,
    SolveStatus,
    SourceRange,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from router.solve.rawjson import parse_rawjson
from tests.unit.cli.render.events import RECORDINGS, SECOND

# Before 1970 and after 9999 nobody builds; Go has no zero time but year 1.
TIMES = st.integers(1, 250_000_000_000 * SECOND)
GROUPS = st.builds(ProgressGroup, id=st.text(), name=st.text(), weak=st.booleans())
RANGES = st.builds(SourceRange, start_line=st.integers(0, 99), end_line=st.integers(0, 99))
STATUSES = st.builds(
    SolveStatus,
    vertexes=st.lists(
        st.builds(
            Vertex,
            digest=st.text(),
            name=st.text(),
            inputs=st.lists(st.text()).map(tuple),
            cached=st.booleans(),
            started=st.none() | TIMES,
            completed=st.none() | TIMES,
            error=st.text(),
            progress_group=st.none() | GROUPS.filter(lambda group: group.id != ""),
        ),
        max_size=2,
    ).map(tuple),
    statuses=st.lists(
        st.builds(
            VertexStatus,
            id=st.text(),
            vertex=st.text(),
            name=st.text(),
            current=st.integers(0, 2**63 - 1),
            total=st.integers(0, 2**63 - 1),
            timestamp=TIMES,
            started=st.none() | TIMES,
            completed=st.none() | TIMES,
        ),
        max_size=2,
    ).map(tuple),
    logs=st.lists(
        st.builds(VertexLog, vertex=st.text(), data=st.binary(), stream=st.integers(1, 2), timestamp=TIMES),
        max_size=2,
    ).map(tuple),
    warnings=st.lists(
        st.builds(
            VertexWarning,
            vertex=st.text(),
            short=st.binary(),
            level=st.integers(1, 5),
            detail=st.lists(st.binary()).map(tuple),
            url=st.text(),
            source_filename=st.text(),
            source_language=st.text(),
            source_data=st.binary(),
            ranges=st.lists(RANGES).map(tuple),
        ),
        max_size=2,
    ).map(tuple),
)


@given(STATUSES)
def test_what_is_written_can_be_read_back(status: SolveStatus) -> None:
    line = encode_status(status)

    assert "\n" not in line
    assert parse_rawjson(line.encode()) == status


@pytest.mark.parametrize("name", ["linear", "failing"])
def test_a_recorded_message_is_written_as_it_was(name: str) -> None:
    for line in (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        message = json.loads(line)["status"]
        status = parse_rawjson(json.dumps(message).encode())
        assert status is not None

        assert json.loads(encode_status(status)) == message


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_800_000_000 * SECOND, "2027-01-15T08:00:00Z"),
        (1_800_000_000 * SECOND + 500_000_000, "2027-01-15T08:00:00.5Z"),
        (1_800_000_000 * SECOND + 1, "2027-01-15T08:00:00.000000001Z"),
    ],
)
def test_a_time_has_the_decimals_it_needs(nanoseconds: int, text: str) -> None:
    status = SolveStatus(vertexes=(Vertex(digest="d", name="n", started=nanoseconds),))

    assert json.loads(encode_status(status)) == {"vertexes": [{"digest": "d", "name": "n", "started": text}]}


def test_a_further_attempt_is_a_step_that_is_done_at_once() -> None:
    stream = io.StringIO()
    renderer = RawJsonRenderer(stream)
    renderer.event(Attempt(number=1, daemon="a", address=parse_address("tcp://a.test:1234")))
    renderer.event(Attempt(number=2, daemon="b", address=parse_address("tcp://b.test:1234"), reason="lost a"))

    (vertex,) = json.loads(stream.getvalue())["vertexes"]
    assert vertex["name"] == "[warmroute] lost a; retrying on b (attempt 2)"
    assert vertex["started"] == vertex["completed"]
    assert vertex["digest"].startswith("sha256:")


def test_that_some_of_the_stream_is_lost_is_a_step_too() -> None:
    stream = io.StringIO()
    renderer = RawJsonRenderer(stream)
    renderer.event(Notice(level="warning", text="progress from a ended early", reason="progress-lost"))

    (vertex,) = json.loads(stream.getvalue())["vertexes"]
    assert vertex["name"] == "[warmroute] progress from a ended early"
    assert vertex["started"] == vertex["completed"]


def test_notices_are_not_part_of_the_stream() -> None:
    stream = io.StringIO()
    renderer = RawJsonRenderer(stream)
    renderer.event(Notice(level="warning", text="trying the next"))
    renderer.event(SolveStatus())
    renderer.close(None)
    renderer.event(SolveStatus())

    assert stream.getvalue() == "{}\n"
