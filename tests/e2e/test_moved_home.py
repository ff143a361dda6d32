"""A build that is cold because its key's home moved: the fleet got a daemon more, or has one less."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from router import BuildRouter, Key, RouterConfig
from tests.addressed import addressed
from tests.e2e.builder import write_tree
from tests.e2e.processes import Installed
from tests.servers.buildkitd import start_buildkitd

Fleet = Mapping[str, str]
FIRST = "warmroute: the first build of this image here, as far as its history tells"


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Fleet]:
    """Daemons that are called as the pods of a StatefulSet, and remember no fleet."""
    with ExitStack() as stack:
        daemons = [stack.enter_context(start_buildkitd(tmp_path / f"d{number}")) for number in range(4)]
        yield {f"pod-{number}": daemon.address for number, daemon in enumerate(daemons)}


@pytest.fixture
def three(four: Fleet) -> Fleet:
    return {name: address for name, address in four.items() if name != "pod-3"}


def home_of(key: str, fleet: Fleet) -> str:
    with BuildRouter(RouterConfig(addresses=addressed(*fleet.items())), environment={}) as router:
        home = router.route(Key.own(key)).home
    assert home is not None
    return home.name


def key_at(home: str, fleet: Fleet) -> str:
    """Return a new key with this home."""
    return next(key for key in (uuid.uuid4().hex for _ in range(1000)) if home_of(key, fleet) == home)


class Image:
    """What is built under one key."""

    def __init__(self, key: str, folder: Path) -> None:
        self._key = key
        self._context = write_tree(folder / key, {"Dockerfile": "FROM scratch\nCOPY a /\n", "a": key})
        self._metadata = folder / f"{key}.json"

    def build(self, fleet: Fleet, *options: str) -> str:
        """Build, and return what was said."""
        addresses = ",".join(f"{name}={address}" for name, address in fleet.items())
        given = ("--addr", addresses, "--key", self._key, *options)
        return Installed().ok("build", *given, "--metadata-file", self._metadata, self._context).stderr

    @property
    def miss(self) -> Any:
        """What the latest build has in its metadata."""
        return json.loads(self._metadata.read_text())["warmroute.build"]["miss"]


def test_the_first_build_at_the_home_in_a_larger_fleet_names_the_home_before(
    three: Fleet, four: Fleet, tmp_path: Path
) -> None:
    key = key_at("pod-3", four)
    before, image = home_of(key, three), Image(key, tmp_path)

    first = image.build(three)
    warm = image.build(four)
    moved = image.build(four, "--spill=next")
    miss = image.miss
    again = image.build(four, "--spill=next")

    assert f"{FIRST}\n" in first
    assert f"built on {before} (2nd choice): 1 of 1 step cached" in warm
    assert "built on pod-3 (home): 0 of 1 step cached" in moved
    assert f"{FIRST} (its home moved from {before} to pod-3, because the fleet grew)\n" in moved
    assert miss == {"step": "[1/1] COPY a /", "reason": "first", "movedFrom": before, "fleet": "grew"}
    assert FIRST not in again


def test_the_first_build_at_the_home_in_a_smaller_fleet_names_the_home_before(
    three: Fleet, four: Fleet, tmp_path: Path
) -> None:
    key = key_at("pod-3", four)
    now, image = home_of(key, three), Image(key, tmp_path)
    image.build(four)
    Image(key_at(now, four), tmp_path).build(four)  # its home remembers from this how large the fleet was

    moved = image.build(three)

    assert f"built on {now} (home): 0 of 1 step cached" in moved
    assert f"{FIRST} (its home was pod-3 before the fleet shrank)\n" in moved
    assert image.miss["fleet"] == "shrank"
