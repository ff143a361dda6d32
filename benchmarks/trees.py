"""The contexts that are built, and the proof that what was sent is what arrived."""

from __future__ import annotations

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path
from typing import IO

__all__ = ["check_arrived", "large_file", "many_files", "small"]

_DOCKERFILE = "FROM scratch\nCOPY . /\n"


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
    (directory / "Dockerfile").write_text(_DOCKERFILE)
    return directory


def large_file(directory: Path, *, megabytes: int = 512) -> Path:
    """Write one file that can't be compressed."""
    directory.mkdir(parents=True)
    with (directory / "blob").open("wb") as file:
        for _ in range(megabytes):
            file.write(os.urandom(1024 * 1024))
    (directory / "Dockerfile").write_text(_DOCKERFILE)
    return directory


def check_arrived(context: Path, buildctl: Path, address: str) -> None:
    """Compare every byte of a context with what a cached build of it on the daemon exports.

    buildctl fetches it, as the tool that all others are compared with. Raises RuntimeError on a difference.
    """
    process = subprocess.Popen(
        [
            *(
                str(buildctl),
                "--addr",
                address,
                "build",
                "--progress",
                "quiet",
                "--frontend",
                "dockerfile.v0",
            ),
            *("--local", f"context={context}", "--local", f"dockerfile={context}"),
            *("--output", "type=tar,dest=-"),
        ],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    arrived = 0
    with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is None:
                continue
            arrived += 1
            with (context / member.name).open("rb") as here:
                if _digest(here) != _digest(content):
                    raise RuntimeError(f"{member.name} arrived with other bytes")
    expected = sum(len(names) for _, _, names in os.walk(context))
    if process.wait() or arrived != expected:
        raise RuntimeError(f"{arrived} files arrived, {expected} were sent")


def _digest(file: IO[bytes]) -> bytes:
    digest = hashlib.sha256()
    while piece := file.read(1024 * 1024):
        digest.update(piece)
    return digest.digest()
