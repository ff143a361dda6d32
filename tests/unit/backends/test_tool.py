"""What a program's lines and its end are made into."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.backends.tool import ToolOutput, open_sink
from router.model.events import SolveStatus
from router.running import Finished
from router.solve.exporters import ExportPlan
from router.solve.rawjson import parse_rawjson
from router.solve.request import Exporter

STARTED = b'{"vertexes":[{"digest":"a","name":"RUN x","started":"2024-01-01T00:00:00Z"}]}'
LOGGED = b'{"logs":[{"vertex":"a","data":"c2FpZAo="}]}'
FAILED = b'{"vertexes":[{"digest":"a","name":"RUN x","error":"exit code: 1"}]}'


def read(*lines: bytes) -> tuple[ToolOutput, list[SolveStatus]]:
    events: list[SolveStatus] = []
    output = ToolOutput(parse_rawjson, events.append)
    for line in lines:
        output.line(line)
    return output, events


def test_messages_go_on_and_text_does_not() -> None:
    output, events = read(b"warning: x", STARTED)

    assert events == [parse_rawjson(STARTED)]
    assert output.started


def test_an_empty_message_is_kept_back() -> None:
    assert read(b"{}")[1] == []


def test_a_failure_has_step_output_and_exit_code() -> None:
    output, _ = read(STARTED, LOGGED, FAILED, b"error: failed to solve: it broke")

    error = output.build_error(Finished(returncode=3))

    assert str(error) == "failed to solve: it broke"
    assert (error.step, error.log_tail, error.tool_exit_code) == ("RUN x", ("said",), 3)


def test_the_excerpt_of_the_dockerfile_is_found() -> None:
    rule = b"-" * 20
    output, _ = read(b"noise", b"Dockerfile:2", rule, b"   2 | >>> RUN x", b"", rule, b"ERROR: it broke")

    assert output.build_error(Finished(returncode=1)).excerpt == (
        f"Dockerfile:2\n{rule.decode()}\n   2 | >>> RUN x\n\n{rule.decode()}"
    )


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([b"error: failed to solve: x: y"], "x: y"),
        ([b"ERROR: first", b"second"], "first\nsecond"),
        ([b"a", b"b", b"c", b"d"], "b\nc\nd"),
        ([], ""),
    ],
)
def test_the_message_is_the_programs_own(lines: list[bytes], message: str) -> None:
    assert read(*lines)[0].message == message


def test_a_silent_failure_is_told_by_its_exit_code() -> None:
    assert str(read()[0].build_error(Finished(returncode=5))) == "failed to solve: exit code 5"


def file_plan(path: Path) -> ExportPlan:
    return ExportPlan(exporter=Exporter(type="tar", attrs={}), delivery="file", dest=str(path))


def test_a_file_appears_when_all_went_well(tmp_path: Path) -> None:
    with open_sink([file_plan(tmp_path / "a.tar")], None) as sink:
        assert sink is not None
        sink.write(memoryview(b"content"))
        assert not (tmp_path / "a.tar").exists()

    assert (tmp_path / "a.tar").read_bytes() == b"content"


def test_nothing_is_left_behind_by_an_error(tmp_path: Path) -> None:
    def fail_halfway() -> None:
        with open_sink([file_plan(tmp_path / "a.tar")], None) as sink:
            assert sink is not None
            sink.write(memoryview(b"half"))
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()

    assert list(tmp_path.iterdir()) == []


def test_without_a_file_there_is_no_sink(tmp_path: Path) -> None:
    tree = ExportPlan(exporter=Exporter(type="local", attrs={}), delivery="tree", dest=str(tmp_path))

    with open_sink([tree], None) as sink:
        assert sink is None


def test_text_without_end_is_not_kept_whole() -> None:
    output, _ = read(*[b"x" * 100_000] * 50)

    assert len(output.text) < 50 * 10_000
