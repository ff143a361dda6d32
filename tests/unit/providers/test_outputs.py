"""The sink that streams a result to stdout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.errors import BusyError, ConnectionLostError, OutputError, OverloadError, RouterError
from router.providers.outputs import StdoutSink, streams


@contextmanager
def stdout_as(descriptor: int) -> Iterator[None]:
    kept = os.dup(1)
    os.dup2(descriptor, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def test_bytes_go_to_stdout_in_order(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    sink = StdoutSink()

    for part in (b"one", b"", b"\0\xff"):
        sink.write(memoryview(part))
    sink.commit()
    sink.abort()

    assert capfdbinary.readouterr().out == b"one\0\xff"


def test_it_knows_whether_anything_was_written(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    del capfdbinary
    sink = StdoutSink()
    before = sink.begun
    sink.write(memoryview(b"x"))

    assert (before, sink.begun) == (False, True)


def test_a_reader_that_went_away_is_an_error_of_the_output() -> None:
    reader, writer = os.pipe()
    os.close(reader)

    with stdout_as(writer), pytest.raises(OutputError, match=r"(?i)broken pipe"):
        StdoutSink().write(memoryview(b"x"))

    os.close(writer)


def lose(dest: str, error: RouterError, *, after: bytes = b"x") -> None:
    """Lose a build that has written something."""
    with streams() as opened:
        sink = opened.open(dest)
        if after:
            sink.write(memoryview(after))
        sink.abort()
        raise error


@pytest.mark.parametrize(
    "error", [ConnectionLostError("lost"), OverloadError("full"), BusyError("busy", builds=1)]
)
def test_a_lost_build_is_not_tried_again_once_a_pipe_has_a_part_of_its_output(error: RouterError) -> None:
    with pytest.raises(OutputError, match="part of it is on /dev/null already"):
        lose("/dev/null", error)


def test_a_lost_build_is_tried_again_where_its_output_can_be_taken_back(tmp_path: Path) -> None:
    with pytest.raises(ConnectionLostError):
        lose(str(tmp_path / "out"), ConnectionLostError("lost"))


@pytest.mark.parametrize("dest", ["/dev/null", "-"])
def test_a_lost_build_is_tried_again_before_its_output_begins(dest: str) -> None:
    with pytest.raises(ConnectionLostError):
        lose(dest, ConnectionLostError("lost"), after=b"")
