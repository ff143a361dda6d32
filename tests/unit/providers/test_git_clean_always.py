"""Whatever is done to a checkout in whatever order: what is proven is what the files have."""

from __future__ import annotations

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.providers.git_checkouts import Checkout, proven_files

NAMES = ("a", "d/b", "d/e/c", ".gitattributes")
# Of one size each, so that only times and inodes tell them apart.
CONTENTS = (
    b"one\ntwo\n",
    b"two\none\n",
    b"o\r\ntwo\n",
    b"one\nt\r\n",
    b"* text\n\n",
    b"*  -text",
    b"* ident\n",
)
GIT = (
    "add -A",
    "commit -q --allow-empty -a -m x",
    "checkout -q -f",
    "reset -q --hard",
    "reset -q",
    "reset -q HEAD~1",
    "status",
    "stash -q",
    "stash pop -q",
    "checkout -q --detach HEAD~1",
    "read-tree HEAD",
    "checkout-index -q -f -u -a",
    "add --renormalize .",
    "update-index --assume-unchanged a",
    "update-index --no-assume-unchanged a",
    "update-index --skip-worktree d/b",
    "update-index --no-skip-worktree d/b",
    "update-index --chmod=+x a",
    "update-index --force-write-index",
    "update-index --index-version 2",
    "update-index --index-version 4",
    "update-index --split-index",
    "update-index --no-split-index",
    "update-index --untracked-cache",
    "rm -q --cached a",
    "add -N a",
    "mv d/b moved",
    "sparse-checkout set --cone --sparse-index d",
    "sparse-checkout disable",
    "config core.autocrlf true",
    "config core.autocrlf false",
    "config core.trustctime false",
    "config core.checkStat minimal",
)

Step = Callable[[Checkout], None]


def _on_file(step: Callable[[Path], None]) -> st.SearchStrategy[Step]:
    return st.builds(lambda name: lambda checkout: step(checkout.path / name), st.sampled_from(NAMES))


def _keeping_time(step: Callable[[Path], None]) -> Callable[[Path], None]:
    def run(path: Path) -> None:
        before = path.stat()
        step(path)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    return run


def _replace(path: Path) -> None:
    aside = path.with_name("aside")
    aside.write_bytes(CONTENTS[1])
    aside.rename(path)


def _normalise(path: Path) -> None:
    os.utime(path, (1_700_000_000, 1_700_000_000))


def _git(command: str) -> Step:
    def run(checkout: Checkout) -> None:
        checkout.git(*command.split())

    return run


WRITES = [lambda path, content=content: path.write_bytes(content) for content in CONTENTS]
EDITS: list[Callable[[Path], None]] = [*WRITES, _replace, Path.touch, Path.unlink, _normalise]
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.sampled_from(EDITS).flatmap(_on_file),
    st.sampled_from(EDITS[:-2]).map(_keeping_time).flatmap(_on_file),
    st.sampled_from(GIT).map(_git),
    st.just(Checkout.settle),
)


@settings(max_examples=40)
@given(steps=st.lists(STEPS, min_size=3, max_size=12))
def test_what_is_proven_is_right_after_every_step(steps: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        checkout = Checkout(Path(directory, "work"))
        checkout.commit(dict.fromkeys(NAMES[:3], CONTENTS[0]))
        checkout.commit({"a": CONTENTS[1]})
        for step in steps:
            # Many a step is impossible after another: no such file, nothing to pop.
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                step(checkout)
            proven_files(checkout.path)
