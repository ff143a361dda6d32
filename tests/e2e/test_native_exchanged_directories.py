"""A directory that takes another's place below the context: no time of a file moves, and sizes agree."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildRequest
from tests.e2e.builder import Builder, write_tree
from tests.e2e.checkouts import normalise
from tests.e2e.mounts import mounted

FILES = {"file": 5_000, "inner/file": 100_000}


@pytest.fixture
def builder(builder: Builder, tmp_path: Path) -> Builder:
    """A builder whose key no other test has."""
    builder.config = replace(builder.config, key=str(tmp_path))
    return builder


@pytest.fixture
def twins(builder: Builder, tmp_path: Path) -> tuple[Path, Path]:
    """A directory in a context, and another like it elsewhere, both as old as the daemon's copy or older."""
    context = write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY sub /\n"})
    for letter, path in ((b"a", context / "sub"), (b"b", tmp_path / "twin")):
        write_tree(path, {name: letter * size for name, size in FILES.items()})
        normalise(path)
    # Files that change within a tick before the first build are looked at more closely than others.
    newest = max(path.stat().st_ctime_ns for path in tmp_path.rglob("file"))
    time.sleep(max(0.0, newest / 1e9 + 0.1 - time.time()))
    builder.files(BuildRequest(context=str(context)))
    return context / "sub", tmp_path / "twin"


def test_directories_exchanged_by_renaming(builder: Builder, twins: tuple[Path, Path]) -> None:
    here, there = twins
    # The files of the second are known to the daemon by then, so the first are no news when they are back.
    for _ in range(3):
        assert built(builder, here) == content(here)
        here.rename(there.with_name("between"))
        there.rename(here)
        there.with_name("between").rename(there)
        assert built(builder, here) == content(here)


def test_a_directory_in_the_exchanged_one_that_was_never_seen(
    builder: Builder, twins: tuple[Path, Path]
) -> None:
    here, there = twins
    (here / "inner").rename(here.parent / "aside")
    assert built(builder, here) == content(here)
    here.rename(there.with_name("between"))
    there.rename(here)
    assert built(builder, here) == content(here)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_directory_that_another_is_mounted_over(builder: Builder, twins: tuple[Path, Path]) -> None:
    here, there = twins
    with mounted("--bind", there, here):
        assert built(builder, here) == content(there)
        assert built(builder, here) == content(there)
    assert built(builder, here) == content(here) != content(there)


def built(builder: Builder, here: Path) -> dict[str, bytes]:
    """Build the context around a directory."""
    return builder.files(BuildRequest(context=str(here.parent)))


def content(root: Path) -> dict[str, bytes]:
    """Return the files of a directory."""
    return {os.path.relpath(path, root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
