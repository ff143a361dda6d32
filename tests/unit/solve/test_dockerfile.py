"""A Dockerfile that can be read once is read once, and is then as if it had come on stdin."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from router.errors import UsageError
from router.model.request import BuildRequest
from router.once import OneTimeFiles
from router.solve.dockerfile import piped_dockerfile, with_piped_dockerfile


@pytest.fixture
def piped() -> Iterator[str]:
    reader, writer = os.pipe()
    os.write(writer, b"FROM scratch\n")
    os.close(writer)
    yield f"/dev/fd/{reader}"
    os.close(reader)


def test_a_piped_dockerfile_becomes_text(piped: str) -> None:
    request = with_piped_dockerfile(BuildRequest(dockerfile=piped), OneTimeFiles())

    assert (request.dockerfile, request.dockerfile_text) == (None, b"FROM scratch\n")


def test_a_named_dockerfile_stays_where_it_is(tmp_path: os.PathLike[str]) -> None:
    path = os.path.join(tmp_path, "Dockerfile")
    with open(path, "wb"):
        pass
    for request in (
        BuildRequest(dockerfile=path),
        BuildRequest(dockerfile="https://example.com/Dockerfile"),
        BuildRequest(dockerfile=str(tmp_path)),
        BuildRequest(dockerfile="/dev/null", dockerfile_text=b""),
        BuildRequest(),
    ):
        assert not piped_dockerfile(request)
        assert with_piped_dockerfile(request, OneTimeFiles()) is request


def test_a_dockerfile_without_end_is_refused() -> None:
    with pytest.raises(UsageError, match=r"/dev/zero is too large for a Dockerfile \(more than 16 MiB\)"):
        with_piped_dockerfile(BuildRequest(dockerfile="/dev/zero"), OneTimeFiles())
