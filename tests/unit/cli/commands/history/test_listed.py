"""Builds as rows of a table."""

from __future__ import annotations

import time

import pytest

from cli.commands.history.listed import builds_table, record_values
from router.model.address import TcpAddress
from router.model.daemon import Daemon
from router.model.mark import BuildMark
from router.model.record import BuildRecord, RecordedError
from router.operations.records import DaemonRecord

SECOND = 1_000_000_000
DAEMON = Daemon(name="buildkitd-0", address=TcpAddress(host="a.test"))


def build(ref: str = "rrrrrrrrrrrrrrrrrrrrrrrrr", **fields: object) -> DaemonRecord:
    created = time.time_ns() - 90 * SECOND
    mark = BuildMark(key="registry.example.com/team/app", rule="tag", place=2, by="ann@host")
    values: dict[str, object] = {
        "ref": ref,
        "attrs": {"context": "https://example.com/some/long/path/repository.git"},
        "created": created,
        "completed": created + 65 * SECOND,
        "cached_steps": 9,
        "total_steps": 12,
        "mark": mark,
    }
    return DaemonRecord(daemon=DAEMON, record=BuildRecord(**{**values, **fields}))  # type: ignore[arg-type]


def test_a_wide_table_has_everything_whole() -> None:
    header, row = builds_table([build()], room=200).split("\n")
    titles = [
        "BUILD",
        "ID",
        "NAME",
        "KEY",
        "DAEMON",
        "PLACE",
        "STATUS",
        "CACHED",
        "CREATED",
        "AT",
        "DURATION",
    ]
    assert header.split() == titles
    for text in (
        "r" * 25,
        "repository.git",
        "team/app",
        "2nd choice",
        "Completed",
        "9/12",
        "About a minute ago",
    ):
        assert text in row
    assert row.endswith("1m  5s")


@pytest.mark.parametrize("room", [80, 100, 120])
def test_a_table_fits_the_terminal(room: int) -> None:
    lines = builds_table([build(), build(completed=None)], room=room).split("\n")
    assert max(map(len, lines)) <= room
    for line in lines[1:]:
        assert line.startswith("r" * 12)
        assert "buildkitd-0" in line


def test_ids_are_shortened_as_far_as_they_differ() -> None:
    lines = builds_table([build("a" * 14 + "b" * 18), build("a" * 14 + "c" * 18)], room=80).split("\n")
    assert [line.split()[0] for line in lines[1:]] == ["a" * 14 + "b", "a" * 14 + "c"]


def test_a_file_gets_all_of_it() -> None:
    assert "https://example.com/some/long/path/repository.git" in builds_table([build()], room=None)


def test_no_builds_are_a_header() -> None:
    assert builds_table([], room=80).startswith("BUILD ID")


def test_values_for_programs_are_those_of_the_record() -> None:
    failed = build(error=RecordedError(code=2, message="exit 1"))
    values = record_values(failed)
    assert {
        name: values[name] for name in ("ref", "daemon", "status", "key", "place", "started_by", "error")
    } == {
        "ref": "r" * 25,
        "daemon": "buildkitd-0",
        "status": "error",
        "key": "registry.example.com/team/app",
        "place": 2,
        "started_by": "ann@host",
        "error": {"code": 2, "message": "exit 1"},
    }
    assert values["duration"] == 65
