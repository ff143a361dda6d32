"""A directory that takes another's place below the context: no time of a file moves, and sizes agree."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildRequest
from router.model.request import ContextTimes
from tests.e2e.builder import Builder, write_tree
from tests.e2e.checkouts import normalise
from tests.e2e.mounts import mounted
from tests.servers import binaries

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
    grow_old(tmp_path, 0.1)
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


def test_a_directory_that_another_is_mounted_over(builder: Builder, twins: tuple[Path, Path]) -> None:
    here, there = twins
    with mounted("--bind", there, here):
        assert built(builder, here) == content(there)
        assert built(builder, here) == content(there)
    assert built(builder, here) == content(here) != content(there)


IMAGES: Mapping[str, tuple[Callable[[], Path], tuple[str, ...]]] = {
    "squashfs": (binaries.mksquashfs, ("{tree}", "{image}", "-quiet", "-no-progress")),
    "ext4": (binaries.mkfs_ext4, ("-q", "-d", "{tree}", "{image}", "4M")),
}


@pytest.mark.parametrize("below", ["context", "context/sub"])
@pytest.mark.parametrize("times", ["file", "content"])
@pytest.mark.parametrize("kind", IMAGES)
def test_an_image_mounted_where_another_was(
    kind: str, times: ContextTimes, below: str, builder: Builder, tmp_path: Path
) -> None:
    """Devices, inodes, sizes and times are the same in both."""
    images = [image_of(kind, letter, tmp_path / letter.decode()) for letter in (b"a", b"b")]
    if kind == "ext4":  # its tools keep the seconds of change times
        grow_old(tmp_path, 2.1)
    context = write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY . /\n", "sub/x": ""})
    request = BuildRequest(context=str(context), context_times=times)

    for image in (*images, *images):
        with mounted("-o", "loop,ro", image, tmp_path / below):
            files = builder.files(request)
        inner = "" if below == "context" else "sub/"
        assert files[f"{inner}large"] == image.stem.encode() * 100_000


def image_of(kind: str, letter: bytes, place: Path) -> Path:
    """Pack a directory whose files have one letter into an image, where everything is old."""
    tree = write_tree(place / "tree", {"Dockerfile": "FROM scratch\nCOPY . /\n", "large": letter * 100_000})
    normalise(tree)
    image = place / f"{letter.decode()}.{kind}"
    program, arguments = IMAGES[kind]
    command = [str(program()), *(argument.format(tree=tree, image=image) for argument in arguments)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return image


def grow_old(root: Path, seconds: float) -> None:
    """Wait until all files are older: those that changed just before a build are looked at more closely."""
    newest = max(path.stat().st_ctime_ns for path in root.rglob("*"))
    time.sleep(max(0.0, newest / 1e9 + seconds - time.time()))


def built(builder: Builder, here: Path) -> dict[str, bytes]:
    """Build the context around a directory."""
    return builder.files(BuildRequest(context=str(here.parent)))


def content(root: Path) -> dict[str, bytes]:
    """Return the files of a directory."""
    return {os.path.relpath(path, root): path.read_bytes() for path in root.rglob("*") if path.is_file()}
