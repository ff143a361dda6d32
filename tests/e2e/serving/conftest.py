"""What tests of the endpoint share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.serving.endpoints import Served, serving
from tests.servers.buildkitd import Buildkitd


@pytest.fixture
def served(buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path) -> Iterator[Served]:
    """An endpoint over three daemons."""
    with serving(buildkitd_three, tmp_path) as endpoint:
        yield endpoint


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A directory that nobody has built yet."""
    return write_tree(
        tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY a.txt /\n", "a.txt": tmp_path.name}
    )
