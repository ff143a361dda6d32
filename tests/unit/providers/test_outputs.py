"""The sink that streams a result to stdout."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from router.errors import OutputError
from router.providers.outputs import StdoutSink


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
