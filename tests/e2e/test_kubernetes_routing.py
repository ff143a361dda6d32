"""Builds come home: twelve images on three pods, also after one pod has gone and come back."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from router import BuildRequest, BuildRouter, RouterConfig
from tests.e2e.builder import write_tree
from tests.e2e.kubernetes import SELECTOR, no_new_pods
from tests.e2e.program import Finished, Program
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

DOCKERFILE = """\
FROM scratch AS assets
COPY data /data/
FROM scratch
COPY app /app
COPY --from=assets /data /data
WORKDIR /data
"""


class Images:
    """Twelve images, built by warmroute with a selector."""

    def __init__(self, program: Program, folder: Path) -> None:
        self.tags = tuple(f"registry.test/team/app-{number}:dev" for number in range(12))
        self._program = program
        self._contexts = {tag: self._context(folder, tag) for tag in self.tags}

    @staticmethod
    def _context(folder: Path, tag: str) -> Path:
        name = tag.rpartition("/")[2].partition(":")[0]
        files = {"Dockerfile": DOCKERFILE, "app": name, "data/one": f"{name} one", "data/two": f"{name} two"}
        return write_tree(folder / name, files)

    def build(self, tags: tuple[str, ...] = (), *more: str) -> dict[str, Finished]:
        return {tag: self._build(tag, *more) for tag in tags or self.tags}

    def _build(self, tag: str, *more: str) -> Finished:
        options = ("--selector", SELECTOR, "--tag", tag, "--progress", "plain", "-v", *more)
        return self._program.ok("build", *options, self._contexts[tag])

    def orders(self) -> dict[str, list[str]]:
        """Ask the library where each image belongs."""
        router = BuildRouter(RouterConfig(selector=SELECTOR), environment=self._program.environment)
        keys = {tag: router.key(BuildRequest(tags=(tag,))) for tag in self.tags}
        return {
            tag: [candidate.daemon.name for candidate in router.route(key).candidates]
            for tag, key in keys.items()
        }


def test_twelve_images_come_home_and_those_of_a_lost_pod_stay_where_they_are_warm(
    cluster: Cluster,
    fleet: tuple[str, ...],
    program: Program,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    images = Images(program, tmp_path)
    orders = images.orders()
    homes = {tag: order[0] for tag, order in orders.items()}
    assert set(homes.values()) == set(fleet)

    first, second = images.build(), images.build()

    assert daemons(first) == daemons(second) == homes
    assert not any(cached for done in first.values() for cached in done.steps.values())
    assert all(len(done.steps) == 4 and all(done.steps.values()) for done in second.values())

    lost = homes[images.tags[0]]
    moving = tuple(tag for tag in images.tags if homes[tag] == lost)
    with no_new_pods(cluster):
        cluster.kubectl("delete", "pod", lost, "--wait=false")
        away = images.build()
    cluster.wait_ready(SELECTOR, len(fleet))
    back = images.build()
    at_home, again = images.build(moving, "--spill=next"), images.build(moving)

    assert {tag for tag in images.tags if daemons(away)[tag] != homes[tag]} == set(moving)
    assert {tag: daemons(away)[tag] for tag in moving} == {tag: orders[tag][1] for tag in moving}
    assert all(all(away[tag].steps.values()) for tag in images.tags if tag not in moving)
    # The pod came back without its cache, and stays the home.
    assert images.orders() == orders
    assert daemons(back) == daemons(away)
    assert all(all(done.steps.values()) for done in back.values())
    assert set(daemons(at_home).values()) == {lost}
    assert daemons(again) == daemons(at_home)
    assert all(all(done.steps.values()) for done in again.values())
    with capsys.disabled():
        rounds = {"1st": first, "2nd": second, f"{lost} lost": away, "back": back}
        sys.stdout.write(f"\n{report(rounds)}\n")


def daemons(builds: dict[str, Finished]) -> dict[str, str]:
    return {tag: done.daemon for tag, done in builds.items()}


def report(rounds: dict[str, dict[str, Finished]]) -> str:
    """Return a table: where each image was built in each round, cached steps of all, seconds."""
    lines = [f"{'image':28}" + "".join(f"{name:>30}" for name in rounds)]
    for tag in next(iter(rounds.values())):
        cells = []
        for builds in rounds.values():
            done = builds[tag]
            cached = f"{sum(done.steps.values())}/{len(done.steps)} cached"
            cells.append(f"{done.daemon:>12} {cached} {done.seconds:4.2f} s")
        lines.append(f"{tag:28}" + "".join(f"{cell:>30}" for cell in cells))
    return "\n".join(lines)
