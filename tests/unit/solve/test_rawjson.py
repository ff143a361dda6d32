"""Lines of `--progress rawjson` become the events that they were."""

from __future__ import annotations

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.render.rawjson import encode_status
from router.model.events import (
    ProgressGroup,
    SolveStatus,
    SourceRange,
    Vertex,
    VertexLog,
    VertexStatus,
    VertexWarning,
)
from router.solve.rawjson import parse_rawjson, parse_time

TIMES = st.integers(1, 4_000_000_000_000_000_000)
TEXTS = st.text(max_size=8)
NUMBERS = st.integers(0, 1 << 40)

VERTEXES = st.builds(
    Vertex,
    digest=TEXTS,
    name=TEXTS,
    inputs=st.lists(TEXTS, max_size=2).map(tuple),
    cached=st.booleans(),
    started=st.none() | TIMES,
    completed=st.none() | TIMES,
    error=TEXTS,
    progress_group=st.none()
    | st.builds(ProgressGroup, id=TEXTS.filter(bool), name=TEXTS, weak=st.booleans()),
)
STATUSES = st.builds(
    VertexStatus,
    id=TEXTS,
    vertex=TEXTS,
    name=TEXTS,
    current=NUMBERS,
    total=NUMBERS,
    timestamp=st.none() | TIMES,
    started=st.none() | TIMES,
    completed=st.none() | TIMES,
)
LOGS = st.builds(
    VertexLog, vertex=TEXTS, data=st.binary(), stream=st.integers(0, 2), timestamp=st.none() | TIMES
)
WARNINGS = st.builds(
    VertexWarning,
    vertex=TEXTS,
    short=st.binary(),
    level=st.integers(0, 3),
    detail=st.lists(st.binary(), max_size=2).map(tuple),
    url=TEXTS,
    source_filename=TEXTS,
    source_language=TEXTS,
    source_data=st.binary(),
    ranges=st.lists(
        st.builds(
            SourceRange,
            start_line=NUMBERS,
            end_line=NUMBERS,
            start_character=NUMBERS,
            end_character=NUMBERS,
        ),
        max_size=2,
    ).map(tuple),
)
MESSAGES = st.builds(
    SolveStatus,
    vertexes=st.lists(VERTEXES, max_size=2).map(tuple),
    statuses=st.lists(STATUSES, max_size=2).map(tuple),
    logs=st.lists(LOGS, max_size=2).map(tuple),
    warnings=st.lists(WARNINGS, max_size=2).map(tuple),
)


@settings(max_examples=40)
@given(MESSAGES)
def test_parsing_undoes_writing(message: SolveStatus) -> None:
    assert parse_rawjson(encode_status(message).encode()) == message


@given(TIMES)
def test_times_are_what_protobuf_says_they_are(nanoseconds: int) -> None:
    peer = Timestamp()
    peer.FromNanoseconds(nanoseconds)

    assert parse_time(peer.ToJsonString()) == nanoseconds


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("2024-02-29T12:00:00.000000001+02:00", 1709200800_000000001),
        ("2024-02-29T08:30:00-01:30", 1709200800_000000000),
        ("0001-01-01T00:00:00Z", None),
        ("", None),
        (None, None),
    ],
)
def test_zones_and_the_zero_time_are_understood(text: str | None, nanoseconds: int | None) -> None:
    assert parse_time(text) == nanoseconds


@pytest.mark.parametrize("text", ["yesterday", "2024-02-29", "2024-02-29T12:00:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        parse_time(text)


@pytest.mark.parametrize(
    "line",
    [
        b"error: failed to solve: x",
        b"{not json",
        b'{"level":"warning"}',
        b'{"vertexes":3}',
        b'{"vertexes":[3]}',
        b'{"vertexes":[{"started":"yesterday"}]}',
        b'{"logs":[{"data":"abc"}]}',
        b"",
    ],
)
def test_a_line_that_is_no_message_is_none(line: bytes) -> None:
    assert parse_rawjson(line) is None


def test_null_lists_count_as_empty() -> None:
    line = b'{"vertexes":[{"digest":"a","inputs":null}]}'

    assert parse_rawjson(line) == SolveStatus(vertexes=(Vertex(digest="a", name=""),))


def test_more_objects_than_a_message_has_are_no_message() -> None:
    most, more = (b'{"logs":[' + b",".join([b"{}"] * count) + b"]}" for count in (99_999, 100_000))

    status = parse_rawjson(most)

    assert status is not None
    assert len(status.logs) == 99_999
    assert parse_rawjson(more) is None
