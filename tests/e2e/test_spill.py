"""Where a build goes whose home is full or has never built it: to a daemon that is warm for it."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from router import BuildRequest, BuildRouter, Cancellation, CancelledError, Key, Place, RouterConfig
from router.rpc import open_channel
from router.solve.control import Control
from router.solve.inflight import history_event
from router.solve.ref import builds_of
from router.transport.options import DialOptions
from tests.addressed import addressed
from tests.e2e.builder import Builder, write_tree
from tests.e2e.processes import Installed
from tests.e2e.test_load import busy, ended, notices
from tests.servers.buildkitd import Buildkitd


class Three:
    """A key that nobody has built, and three daemons in its order: each has room for one build."""

    def __init__(self, daemons: tuple[Buildkitd, ...], scratch: Path) -> None:
        self.scratch = scratch
        addresses = addressed(*((f"d{number}", daemon.address) for number, daemon in enumerate(daemons)))
        self.config = RouterConfig(addresses=addresses, max_builds=1, key=f"spill-{uuid.uuid4().hex}")
        with BuildRouter(self.config, environment={}) as router:
            route = router.route(Key.own(self.config.key))
        self.order = tuple(candidate.daemon for candidate in route.candidates)
        self.names = tuple(daemon.name for daemon in self.order)
        self.context = write_tree(scratch / "context", {"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "a"})
        for daemon in daemons:
            ended(daemon.address, 0)

    def builder(self, **changes: Any) -> Builder:
        return Builder(config=replace(self.config, **changes), scratch=self.scratch)

    def pin(self, number: int) -> None:
        """Pin all that a daemon's history has."""
        daemon = self.order[number]
        with open_channel(daemon.address, DialOptions(timeout=10.0), peer=daemon.name) as channel:
            control, refs = Control(channel), set[str]()
            asked = control.records(builds_of(""), lambda told: refs.add(history_event(told).ref))
            control.wait(asked, timeout=10.0)
            for ref in refs:
                control.wait(control.update_record(ref, pinned=True), timeout=10.0)

    def forget(self, number: int) -> None:
        """Empty the history of a daemon, as time does."""
        daemon = self.order[number]
        with open_channel(daemon.address, DialOptions(timeout=10.0), peer=daemon.name) as channel:
            control, refs = Control(channel), set[str]()
            control.wait(
                control.records(builds_of(""), lambda told: refs.add(history_event(told).ref)), timeout=10.0
            )
            for ref in refs:
                control.wait(control.update_record(ref, delete=True), timeout=10.0)

    def build_on(self, *numbers: int, key: str | None = None) -> None:
        """Build on daemons by their number in the order, wherever else the key belongs."""
        for number in numbers:
            daemon = self.order[number]
            builder = self.builder(
                addresses=addressed((daemon.name, str(daemon.address))), key=key or self.config.key
            )
            builder.build(BuildRequest(context=str(self.context)))

    def build(self, **changes: Any) -> tuple[int, Place, list[str]]:
        """Build; return the number of the daemon that did in the order, its place, and what was said."""
        builder = self.builder(**changes)
        result = builder.build(BuildRequest(context=str(self.context)))
        assert result.place is not None
        return self.names.index(result.daemon), result.place, notices(builder)


@pytest.fixture
def three(buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path) -> Three:
    return Three(buildkitd_three, tmp_path)


def test_what_nobody_has_built_is_built_at_home_and_stays_there(three: Three) -> None:
    for _ in range(2):
        number, place, said = three.build()

        assert (number, place.number, place.reason) == (0, 1, "")
        assert not any("has not built" in text for text in said)


def test_a_cold_home_gives_way_to_a_daemon_that_is_warm(three: Three) -> None:
    three.build_on(2)

    number, place, said = three.build()

    assert (number, place.number, place.home, place.reason) == (2, 3, three.names[0], "cold")
    assert f"{three.names[0]} has not built this yet, another daemon has; trying {three.names[2]}" in said
    assert three.build(spill="next")[0] == 0
    assert three.build()[0] == 0, "home is warm by now"


def test_a_full_home_gives_way_to_a_daemon_that_is_warm(three: Three, busybox: str, tmp_path: Path) -> None:
    three.build_on(0, 2)

    with busy(str(three.order[0].address), busybox, tmp_path):
        assert three.build()[0] == 2
        assert three.build(spill="next")[0] == 1


def test_a_warm_daemon_that_is_full_is_left_alone(three: Three, busybox: str, tmp_path: Path) -> None:
    three.build_on(2)

    with busy(str(three.order[2].address), busybox, tmp_path):
        assert three.build()[0] == 0


def test_a_record_that_home_may_have_forgotten_counts_for_nothing(three: Three) -> None:
    """All that home knows of is younger: it may have built the key after the other did."""
    three.build_on(2)
    three.forget(0)
    three.build_on(0, key=three.config.key + "another")
    assert three.build()[0] == 0

    three.forget(0)
    assert three.build()[0] == 2, "a home that knows of nothing is new"


def test_a_pinned_record_says_nothing_of_what_home_has_forgotten(three: Three) -> None:
    three.forget(0)
    three.build_on(0, key=f"{three.config.key}-pinned")
    three.pin(0)
    three.build_on(2)
    three.build_on(0, key=f"{three.config.key}-younger")
    try:
        assert three.build()[0] == 0
    finally:
        three.forget(0)


def test_a_build_that_was_canceled_makes_no_daemon_warm(three: Three, busybox: str, tmp_path: Path) -> None:
    three.build_on(0, key=f"{three.config.key}-older")  # home remembers what was before
    three.build_on(2)
    dockerfile = f"FROM {busybox}\nRUN echo {tmp_path.name}; sleep 60\n"
    slow = write_tree(tmp_path / "slow", {"Dockerfile": dockerfile})
    home = three.order[0]
    builder = three.builder(addresses=addressed((home.name, str(home.address))))
    with Cancellation() as stop:
        builder.then = lambda _event: stop.cancel() if tmp_path.name.encode() in builder.log else None
        with pytest.raises(CancelledError):
            builder.build(BuildRequest(context=str(slow)), cancellation=stop)
    ended(str(home.address), 0)

    assert three.build()[0] == 2


def test_a_herd_finds_the_warm_daemon(three: Three) -> None:
    three.build_on(2)

    with ThreadPoolExecutor(6) as pool:
        built = list(pool.map(lambda _: three.build(max_builds=8)[0], range(6)))

    assert built == [2] * 6


def test_one_that_can_not_be_asked_holds_nothing_up(
    three: Three, buildkitd_three: tuple[Buildkitd, ...]
) -> None:
    victim = buildkitd_three[int(three.names[1].removeprefix("d"))]
    three.build_on(2)
    victim.freeze()
    try:
        assert three.build()[0] == 2
        with Cancellation() as stop:
            Timer(0.3, stop.cancel).start()
            began = time.monotonic()
            with pytest.raises(CancelledError):
                three.builder(key=f"{three.config.key}-new").build(
                    BuildRequest(context=str(three.context)), cancellation=stop
                )
            assert time.monotonic() - began < 2.0
    finally:
        victim.thaw()


def test_the_last_line_says_why_it_is_not_at_home(three: Three) -> None:
    three.build_on(1)
    variables = {"WARMROUTE_ADDR": ",".join(f"{name}={url}" for name, url in three.config.addresses)}

    done = Installed(environment=variables).ok(
        "build", "--key", three.config.key, "--max-builds=1", "--progress=plain", three.context
    )

    assert f"#0 building on {three.names[1]} (2nd choice; home {three.names[0]}: cold)" in done.stderr
