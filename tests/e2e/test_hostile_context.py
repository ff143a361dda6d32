"""A context that is made to hang the client, or to make it give away files from elsewhere."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router import BuildRequest, Output, RouterError, UsageError
from tests.e2e.builder import Builder, write_tree
from tests.unit.few_files import few_files

STARS = "*a" * 8 + "b"


@pytest.mark.parametrize(
    "files",
    [
        {"Dockerfile": f"FROM scratch\nCOPY f1 {STARS} /\n"},
        {"Dockerfile": "FROM scratch\nCOPY f1 /\n", ".dockerignore": f"{STARS}\n{'**/*a*a/' * 50}b\n"},
        {"Dockerfile": "FROM scratch\nCOPY f1 /\n", ".dockerignore": f"[^b]*{STARS}\n!**/a|{STARS}\n"},
    ],
    ids=["copy", "dockerignore", "odd"],
)
def test_no_pattern_holds_a_build_up(builder: Builder, tmp_path: Path, files: dict[str, str]) -> None:
    context = write_tree(tmp_path / "context", {**files, "f1": "x", "a" * 200: "y"})
    start = time.process_time()
    with_or_without_file(builder, context)
    assert time.process_time() - start < 2


def with_or_without_file(builder: Builder, context: Path) -> None:
    """Build; a wildcard that matches nothing may be an error of the Dockerfile."""
    try:
        said = str(builder.files(BuildRequest(context=str(context))))
    except RouterError as exc:
        said = str(exc)
    assert said == "{'f1': b'x'}" or "no such file" in said or "not found" in said


@contextmanager
def swapping(directory: Path, outside: Path) -> Iterator[None]:
    """Swap a directory for a link and back, in a process of its own."""
    child = os.fork()
    if child == 0:
        aside = directory.parent.parent / "aside"
        try:
            while True:
                os.rename(directory, aside)
                os.symlink(outside, directory)
                time.sleep(0.001)
                os.unlink(directory)
                os.rename(aside, directory)
                time.sleep(0.001)
        finally:
            os._exit(1)
    try:
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_a_directory_that_is_swapped_for_a_link_gives_nothing_away(builder: Builder, tmp_path: Path) -> None:
    names = [f"{number}" for number in range(200)]
    context = write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY . /\n"})
    write_tree(context / "d", dict.fromkeys(names, "inside"))
    outside = write_tree(tmp_path / "outside", dict.fromkeys([*names, "key"], "SECRET"))
    refused = 0
    with swapping(context / "d", outside):
        for number in range(30):
            output = Output(type="local", dest=str(tmp_path / f"out{number}"))
            try:
                builder.build(BuildRequest(context=str(context), no_cache=True, outputs=(output,)))
            except UsageError:
                refused += 1
                continue
            assert "SECRET" not in set(contents(tmp_path / f"out{number}"))
    assert refused


@pytest.mark.parametrize("deepest", ["", "\n*\n!**/last"])
def test_a_tree_may_be_deeper_than_files_may_be_open(builder: Builder, tmp_path: Path, deepest: str) -> None:
    dockerfile = "FROM scratch\nCOPY . /\n"
    context = write_tree(tmp_path / "context", {"Dockerfile": dockerfile, ".dockerignore": deepest})
    path = "d/" * 300 + "last"
    write_tree(context, {path: "content"})
    output = Output(type="local", dest=str(tmp_path / "out"), attrs={"mode": "delete"})
    write_tree(tmp_path / "out", {f"old/{path}": ""})
    with few_files(60):
        builder.build(BuildRequest(context=str(context), outputs=(output,), allow=("buildx.local.delete",)))
    assert (tmp_path / "out" / path).read_text() == "content"
    assert not (tmp_path / "out/old").exists()


def contents(folder: Path) -> Iterator[str]:
    """Yield the content of every file, none by way of a link."""
    for around, _, names in os.walk(folder):
        for name in names:
            path = Path(around, name)
            if not path.is_symlink():
                yield path.read_text()
