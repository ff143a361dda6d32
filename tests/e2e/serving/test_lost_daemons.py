"""Daemons that are lost in the middle of a build, with real clients: another one builds, and all is well."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from router import RouterConfig
from tests.e2e.builder import OciArchive, write_tree
from tests.e2e.processes import Background, started
from tests.e2e.serving.endpoints import Buildx, Served, build_of, serving
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd, start_buildkitd

_SLOW = "FROM {image}\nCOPY a.txt /\nRUN echo begun {word}; sleep {seconds}; cat a.txt > b.txt\n"
_RESULT = "FROM scratch\nCOPY --from=0 b.txt /\n"


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[tuple[Buildkitd, ...]]:
    """Three to break."""
    with (
        start_buildkitd(tmp_path / "0") as one,
        start_buildkitd(tmp_path / "1") as two,
        start_buildkitd(tmp_path / "2") as three,
    ):
        yield one, two, three


@pytest.fixture
def served(daemons: tuple[Buildkitd, ...], tmp_path: Path) -> Iterator[Served]:
    with serving(daemons, tmp_path, config=RouterConfig(connect_timeout=2.0, max_builds=8)) as endpoint:
        yield endpoint


def tree(served: Served, image: str, word: str, *, seconds: int = 3) -> Path:
    """Write a context whose build takes some time, and results in ``b.txt`` with the word."""
    text = _SLOW.format(image=image, word=word, seconds=seconds) + _RESULT
    return write_tree(served.scratch / f"context-{word}", {"Dockerfile": text, "a.txt": word})


@contextmanager
def buildctl(served: Served, *args: str) -> Iterator[Background]:
    """Start buildctl."""
    argv = [str(binaries.buildctl()), "--addr", served.address, *args]
    with started(argv, served.environment(), None) as process:
        yield process


def ended_builds(served: Served) -> list[dict[str, Any]]:
    """The builds that are over, as the status page has them."""
    with urllib.request.urlopen(f"{served.status}/api/builds", timeout=30) as answer:
        found: list[dict[str, Any]] = json.load(answer)["ended"]
    return found


def lose(daemon: Buildkitd) -> None:
    """End it as a node that dies does."""
    daemon.kill()


def silence(daemon: Buildkitd) -> None:
    """Stop it as a network that drops its packets does."""
    daemon.freeze()


@pytest.mark.parametrize("strike", [lose, silence])
def test_buildctl_ends_well_though_its_daemon_is_lost(
    served: Served, busybox: str, strike: Callable[[Buildkitd], None]
) -> None:
    tag = served.tag_at("d0")
    context = tree(served, busybox, "ctl")
    out = served.scratch / "out.tar"
    with buildctl(served, *build_of(context), f"--output=type=oci,name={tag},dest={out}") as client:
        client.read_until(b"begun ctl\n")
        strike(served.daemons["d0"])
        client.read_until(b"[warmroute] d0 was lost: starting again on d")

        assert client.wait(60.0) == 0, client.output.decode()
    assert OciArchive(out.read_bytes()).files() == {"b.txt": b"ctl"}
    (ended,) = ended_builds(served)
    assert (ended["state"], ended["attempt"]) == ("completed", 2)
    assert ended["daemon"] in {"d1", "d2"}


@pytest.mark.parametrize("strike", [lose, silence])
def test_buildx_ends_well_though_its_daemon_is_lost(
    served: Served, busybox: str, strike: Callable[[Buildkitd], None]
) -> None:
    """Its frontend runs in its own process, and goes on where it is."""
    tag = served.tag_at("d0")
    context = tree(served, busybox, "one")
    out = served.scratch / "out.tar"
    command = ("build", "--tag", tag, f"--output=type=oci,dest={out}", context)
    with Buildx(served).started(*command) as client:
        client.read_until(b"begun one\n")
        strike(served.daemons["d0"])
        client.read_until(b"[warmroute] d0 was lost: starting again on d")

        assert client.wait(60.0) == 0, client.output.decode()
    assert OciArchive(out.read_bytes()).files() == {"b.txt": b"one"}


def test_each_target_of_a_bake_is_right_though_a_daemon_is_lost(served: Served, busybox: str) -> None:
    """They share a session, and one is based on another, which its own daemon builds too."""
    context = tree(served, busybox, "all", seconds=5)
    homes = {"one": "d0", "two": "d0", "three": "d1"}
    targets: dict[str, Any] = {
        name: {
            "context": str(context),
            "tags": [served.tag_at(home)],
            "output": [f"type=oci,dest={served.scratch}/{name}.tar"],
        }
        for name, home in homes.items()
    }
    targets["three"]["contexts"] = {"base": "target:one"}
    targets["three"]["dockerfile-inline"] = "FROM base\nCOPY a.txt /c.txt\n"
    bake = served.scratch / "bake.json"
    bake.write_text(json.dumps({"group": {"default": {"targets": list(targets)}}, "target": targets}))
    with Buildx(served).started("bake", "--file", bake) as client:
        client.read_until(b"begun all\n")
        lose(served.daemons["d0"])

        assert client.wait(60.0) == 0, client.output.decode()
        assert b"warmroute] d0 was lost: starting again on d" in client.output
    files = {name: OciArchive((served.scratch / f"{name}.tar").read_bytes()).files() for name in targets}
    assert files == {
        "one": {"b.txt": b"all"},
        "two": {"b.txt": b"all"},
        "three": {"b.txt": b"all", "c.txt": b"all"},
    }
