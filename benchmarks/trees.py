"""The contexts that are built, and the proof that what was sent is what arrived."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

from benchmarks.tools import Tool
from tests.servers import binaries

__all__ = [
    "change_one",
    "check_arrived",
    "check_tar",
    "check_tree",
    "clone",
    "commit",
    "large_file",
    "many_files",
    "once",
    "small",
]

# To copy 100,000 files takes the daemon twice as long as to receive what changed in them; a step that reads
# the context leaves that out.
_DOCKERFILE = """\
FROM scratch AS read
COPY busybox /bin/sh
RUN --mount=type=bind,target=/context [ "/bin/sh", "-c", ":" ]
FROM scratch AS copied
COPY . /
"""


_SOMEBODY = ("-c", "user.name=bench", "-c", "user.email=bench@example.test")


def once(directory: Path, write: Callable[[Path], Path]) -> Path:
    """Return a context, which is written when it is asked for first."""
    return directory if directory.exists() else write(directory)


def small(directory: Path) -> Path:
    """Write a context of three small files."""
    directory.mkdir(parents=True)
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY a /\nCOPY b /\n")
    (directory / "a").write_text("a\n")
    (directory / "b").write_text("b\n")
    return directory


def many_files(directory: Path, *, directories: int = 100, files: int = 1000) -> Path:
    """Write many small files in some directories."""
    for outer in range(directories):
        folder = directory / f"d{outer:03}"
        folder.mkdir(parents=True)
        for inner in range(files):
            (folder / f"f{inner:04}").write_text(f"{outer} {inner}\n" * 4)
    shutil.copy(binaries.busybox(), directory / "busybox")
    (directory / "Dockerfile").write_text(_DOCKERFILE)
    return directory


def large_file(directory: Path, *, megabytes: int = 512) -> Path:
    """Write one file that can't be compressed."""
    directory.mkdir(parents=True)
    with (directory / "blob").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1024 * 1024))
    (directory / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    return directory


def commit(directory: Path) -> Path:
    """Make a repository of a context, which git itself stays out of."""
    (directory / ".dockerignore").write_text(".git\n")
    for arguments in (("init", "--quiet"), ("add", "--all"), (*_SOMEBODY, "commit", "--quiet", "-m", "all")):
        subprocess.run(["git", "-C", directory, *arguments], check=True, capture_output=True)
    return directory


def clone(source: Path, destination: Path) -> Path:
    """Clone a repository; its files have the time of the clone."""
    argv = ("git", "clone", "--quiet", "--no-local", "--depth", "1", f"file://{source}", destination)
    subprocess.run(argv, check=True, capture_output=True)
    return destination


def change_one(context: Path, content: str) -> None:
    """Give one file in the middle of ``many_files`` another content."""
    (context / "d050" / "f0500").write_text(content)


def check_arrived(context: Path, tool: Tool) -> None:
    """Compare every byte of a context with what the same tool's build of it, cached by now, exports.

    It has to be the same tool: the daemon keeps a copy of the context for each. Raises RuntimeError on a
    difference.
    """
    argv = tool.build(context, "--output", "type=tar,dest=-")
    process = subprocess.Popen(
        argv,
        env={**os.environ, **tool.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    check_tar(context, process.stdout)
    if process.wait():
        raise RuntimeError(f"{' '.join(argv)} failed")


def check_tar(context: Path, stream: IO[bytes]) -> None:
    """Compare a context with a tar of it. Raises RuntimeError on a difference."""
    arrived = 0
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:
                arrived += 1
                _compare(context / member.name, content)
    while stream.read(1 << 20):
        pass  # the padding, without which the writer would fail
    _check_count(context, arrived)


def check_tree(context: Path, tree: Path) -> None:
    """Compare a context with a copy of it. Raises RuntimeError on a difference."""
    arrived = 0
    for folder, _, names in os.walk(tree):
        for name in names:
            arrived += 1
            path = Path(folder, name)
            with path.open("rb") as content:
                _compare(context / path.relative_to(tree), content)
    _check_count(context, arrived)


def _compare(path: Path, content: IO[bytes]) -> None:
    with path.open("rb") as here:
        if _digest(here) != _digest(content):
            raise RuntimeError(f"{path} arrived with other bytes")


def _check_count(context: Path, arrived: int) -> None:
    expected = sum(len(names) for folder, _, names in os.walk(context) if ".git" not in Path(folder).parts)
    if arrived != expected:
        raise RuntimeError(f"{arrived} files arrived, {expected} were sent")


def _digest(file: IO[bytes]) -> bytes:
    digest = hashlib.sha256()
    while piece := file.read(1024 * 1024):
        digest.update(piece)
    return digest.digest()
