"""What is piped in as a context."""

from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.model.request import BuildRequest
from router.providers.stdin_context import open_stdin_context
from router.solve.inputs import open_inputs
from router.solve.located import locate

STDIN = BuildRequest(context="-")


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def archive(size: int = 10) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as writer:
        member = tarfile.TarInfo("file")
        member.size = size
        writer.addfile(member, io.BytesIO(b"x" * size))
    return out.getvalue()


def test_an_archive_is_kept_as_long_as_it_is_needed(scratch: Path) -> None:
    data = archive(3_000_000)

    with open_stdin_context(STDIN, io.BytesIO(data)) as request:
        assert request.context_archive is not None
        assert Path(request.context_archive).read_bytes() == data
        assert request.dockerfile_text is None

    assert list(scratch.iterdir()) == []


def test_what_is_no_archive_is_the_dockerfile() -> None:
    text = b"FROM scratch\n" * 1000

    with open_stdin_context(STDIN, io.BytesIO(text)) as request:
        assert (request.dockerfile_text, request.context_archive) == (text, None)
        with open_inputs(locate(request)) as inputs:
            assert list(Path(inputs.directories["context"]).iterdir()) == []
            assert Path(inputs.directories["dockerfile"], "Dockerfile").read_bytes() == text


def test_a_stream_that_gives_little_at_a_time_is_read_to_its_end() -> None:
    class Slow(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self._data = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
            part = self._data.read(7)
            buffer[: len(part)] = part
            return len(part)

    data = archive()
    with open_stdin_context(STDIN, io.BufferedReader(Slow(data))) as request:
        assert Path(request.context_archive or "").read_bytes() == data


@given(st.binary(max_size=3000) | st.binary(max_size=50).map(lambda tail: archive()[:700] + tail))
def test_whatever_comes_is_an_archive_a_dockerfile_or_refused(data: bytes) -> None:
    try:
        with open_stdin_context(STDIN, io.BytesIO(data)) as request:
            if request.context_archive is not None:
                assert Path(request.context_archive).read_bytes() == data
            else:
                assert request.dockerfile_text == data
    except UsageError as exc:
        assert exc.hint  # noqa: PT017 - only what is refused has one
