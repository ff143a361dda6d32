"""Whatever was built before, from wherever, in whichever order: a result is made of its own files alone.

A few directories with the same names, sizes and times in them, clones of one repository and others, are
changed and built at random, all under one key and on one daemon.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildRequest
from router.model.request import ContextTimes, Output
from tests.e2e.builder import Builder, write_tree
from tests.e2e.checkouts import clone, commit, git, normalise
from tests.e2e.mounts import mounted

SMALL, LARGE = 1_000, 100_000
SIZES = {"tracked": SMALL, "sub/tracked": LARGE, "untracked": SMALL, "sub/ignored": LARGE}
STEPS = 14


class Place:
    """One directory, and ways to change what is in it that leave sizes and times alone."""

    def __init__(self, chance: random.Random, path: Path, origin: Path | None) -> None:
        self.path = path
        self._chance = chance
        self._origin = origin
        self._twin = path.parent / "twin"
        self._mounted: ExitStack | None = None
        self._fill()

    def change(self) -> None:
        """Change it in one of many ways."""
        ways: tuple[Callable[[], None], ...] = (
            self._edit,
            self._edit,
            self._replace,
            self._make_anew,
            self._dockerfile,
            self._commit,
            self._reset,
            self._swap,
            self._exchange,
            self._exchange,
            self._mount,
        )
        way = self._chance.choice(ways)
        if way in (self._exchange, self._make_anew, self._commit, self._reset):
            self.close()
        way()
        # Setting times moves the change times, which an exchange leaves alone.
        if way not in (self._exchange, self._mount) and self._chance.random() < 0.8:
            normalise(self.path)

    def _fill(self) -> None:
        if self._origin is not None:
            clone(self._origin, self.path)
        else:
            write_tree(self.path, {".dockerignore": ".git\n"})
        for name, size in SIZES.items():
            self._write(self.path / name, size)
        for name, size in SIZES.items():
            if name.startswith("sub/"):
                self._write(self._twin / Path(name).name, size)
        self._dockerfile()
        normalise(self.path)
        normalise(self._twin)

    def _write(self, path: Path, size: int) -> None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(self._chance.choice((b"a", b"b", b"c")) * size)

    def _edit(self) -> None:
        name = self._chance.choice(tuple(SIZES))
        self._write(self.path / name, SIZES[name])

    def _replace(self) -> None:
        name = self._chance.choice(tuple(SIZES))
        self._write(self.path / "new", SIZES[name])
        (self.path / "new").rename(self.path / name)

    def _swap(self) -> None:
        one, other, between = (self.path / name for name in ("tracked", "untracked", "between"))
        one.rename(between)
        other.rename(one)
        between.rename(other)

    def _exchange(self) -> None:
        between = self.path.parent / "between"
        (self.path / "sub").rename(between)
        self._twin.rename(self.path / "sub")
        between.rename(self._twin)

    def _mount(self) -> None:
        if self._mounted is not None:
            self.close()
        elif os.geteuid() == 0:
            self._mounted = ExitStack()
            self._mounted.enter_context(mounted("--bind", self._twin, self.path / "sub"))

    def close(self) -> None:
        """Undo the mount, if there is one."""
        if self._mounted is not None:
            self._mounted.close()
            self._mounted = None

    def _make_anew(self) -> None:
        shutil.rmtree(self.path)
        self._fill()

    def _dockerfile(self) -> None:
        folder = self._chance.choice("xyz")
        text = f"FROM scratch\nCOPY . /{folder}/\nCOPY --from=dep . /dep/\n"
        (self.path / "Dockerfile").write_text(text)

    def _commit(self) -> None:
        if self._origin is not None:
            commit(self.path)

    def _reset(self) -> None:
        if self._origin is not None:
            git(self.path, "reset", "--quiet", "--hard")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("times", ["file", "content"])
def test_a_build_is_made_of_its_own_files(
    times: ContextTimes, seed: int, builder: Builder, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    chance = random.Random(seed)
    builder.config = replace(builder.config, key=f"{tmp_path}")
    places = some_places(chance, tmp_path)
    for place in places:
        request.addfinalizer(place.close)

    for step in range(STEPS):
        main, dependency = chance.sample(places, 2)
        if chance.random() < 0.7:
            chance.choice(places).change()
        build = BuildRequest(
            context=str(main.path), build_contexts={"dep": str(dependency.path)}, context_times=times
        )
        out = tmp_path / f"out-{step}"
        builder.build(replace(build, outputs=(Output(type="local", dest=str(out)),)))
        assert tree_of(out) == expected(main.path, dependency.path), f"seed {seed}, step {step}"
        shutil.rmtree(out)


def some_places(chance: random.Random, tmp_path: Path) -> list[Place]:
    """Return two clones of one repository, and two directories that git knows nothing of."""
    text: dict[str, str | bytes] = {".gitignore": "ignored\n", ".dockerignore": ".git\n"}
    text |= {name: b"a" * SIZES[name] for name in ("tracked", "sub/tracked")}
    origin = write_tree(tmp_path / "origin", text)
    commit(origin)
    return [
        Place(chance, tmp_path / name / "checkout", origin if "clone" in name else None)
        for name in ("clone-1", "clone-2", "plain-1", "plain-2")
    ]


def expected(main: Path, dependency: Path) -> Mapping[str, bytes]:
    """Return what the Dockerfile in ``main`` makes of two directories."""
    folder = (main / "Dockerfile").read_text().split("COPY . /")[1][0]
    return {f"{folder}/{name}": data for name, data in tree_of(main).items()} | {
        f"dep/{name}": data for name, data in tree_of(dependency).items()
    }


def tree_of(root: Path) -> dict[str, bytes]:
    """Return the files below a directory, but for git's own."""
    return {
        os.path.relpath(path, root): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }
