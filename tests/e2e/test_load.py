"""A daemon's bound on builds in flight: who spills, who waits, and that a herd is kept out."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from router import BuildRequest, Cancellation, CancelledError, ConnectionLostError, RouterConfig
from router.model.events import Event, Notice
from tests.addressed import addressed, addresses_of
from tests.e2e.builder import Builder, active_builds, finished_builds, write_tree
from tests.e2e.kubernetes import wait_for
from tests.e2e.spread import spread
from tests.e2e.test_native_failover import key_of
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.dockerd import Dockerd


@pytest.fixture
def pair(buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path) -> Builder:
    """A builder with two daemons, ``home`` and ``other``; its key belongs to the first."""
    home, other, _ = buildkitd_three
    for daemon in (home, other):
        ended(daemon.address, 0)
    config = RouterConfig(addresses=addressed(("home", home.address), ("other", other.address)), max_builds=1)
    return Builder(config=replace(config, key=key_of(config, "home")), scratch=tmp_path)


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY a.txt /\n", "a.txt": "a\n"})


@contextmanager
def busy(address: str, busybox: str, scratch: Path, *, seconds: float = 60.0) -> Iterator[None]:
    """Keep a daemon busy with one build, for as long as the context or for so many seconds; it is over on the
    daemon too when the context ends."""
    before = active_builds(address)
    folder = scratch / f"busy-{time.monotonic_ns()}"
    word = f"begun-{folder.name}"
    dockerfile = f"FROM {busybox}\nRUN echo {word}; sleep {seconds:g}\n"
    write_tree(folder, {"Dockerfile": dockerfile})
    builder = Builder(config=RouterConfig(addresses=addressed(("busy", address))), scratch=folder)
    begun = threading.Event()
    builder.then = lambda _: begun.set() if f"{word}\n".encode() in builder.log else None
    with Cancellation() as stop:

        def build() -> None:
            try:
                builder.build(BuildRequest(context=str(folder)), cancellation=stop)
            except CancelledError:
                return

        thread = threading.Thread(target=build)
        thread.start()
        assert begun.wait(30)
        try:
            yield
        finally:
            stop.cancel()
            thread.join()
            ended(address, before)


def ended(address: str, most: int) -> None:
    """Wait until a daemon has no more builds than ``most``: clients give builds up before daemons do."""
    wait_for(lambda: active_builds(address) <= most, f"{address} has {most} builds", within=60.0)


def notices(builder: Builder) -> list[str]:
    return [event.text for event in builder.events if isinstance(event, Notice)]


def test_home_builds_while_it_has_room(pair: Builder, context: Path) -> None:
    assert pair.build(BuildRequest(context=str(context))).daemon == "home"


def test_a_busy_home_is_passed_over_and_left_alone(
    pair: Builder, busybox: str, context: Path, tmp_path: Path
) -> None:
    home = addresses_of(pair.config)["home"]
    before = finished_builds(home)
    with busy(home, busybox, tmp_path):
        result = pair.build(BuildRequest(context=str(context)))

    assert result.daemon == "other"
    assert any("home is full (1 build in flight, limit 1); trying other" in text for text in notices(pair))
    assert finished_builds(home) == before + 1


def test_where_all_are_busy_the_least_loaded_builds(
    pair: Builder, busybox: str, context: Path, tmp_path: Path
) -> None:
    addresses = addresses_of(pair.config)
    with (
        busy(addresses["home"], busybox, tmp_path),
        busy(addresses["home"], busybox, tmp_path),
        busy(addresses["other"], busybox, tmp_path),
    ):
        assert pair.build(BuildRequest(context=str(context))).daemon == "other"


def test_without_a_bound_home_builds_whatever_it_has_to_do(
    pair: Builder, busybox: str, context: Path, tmp_path: Path
) -> None:
    pair.config = replace(pair.config, max_builds=0)
    with busy(addresses_of(pair.config)["home"], busybox, tmp_path):
        assert pair.build(BuildRequest(context=str(context))).daemon == "home"


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_every_backend_minds_the_bound(
    pair: Builder, busybox: str, context: Path, tmp_path: Path, backend: str
) -> None:
    from tests.servers import binaries

    pair.config = replace(pair.config, backend=backend)  # type: ignore[arg-type]
    pair.environment["PATH"] = f"{binaries.buildctl().parent}:/usr/bin:/bin"
    with busy(addresses_of(pair.config)["home"], busybox, tmp_path):
        assert pair.build(BuildRequest(context=str(context))).daemon == "other"


def test_who_waits_in_line_gets_the_first_room_there_is(
    pair: Builder, busybox: str, context: Path, tmp_path: Path
) -> None:
    pair.config = replace(pair.config, queue=60.0)
    addresses = addresses_of(pair.config)
    with (
        busy(addresses["home"], busybox, tmp_path),
        busy(addresses["other"], busybox, tmp_path, seconds=3.0),
    ):
        result = pair.build(BuildRequest(context=str(context)))
        assert active_builds(addresses["home"]) == 1

    assert result.daemon == "other"
    line = [text for text in notices(pair) if text.startswith("waiting in line ")]
    assert "home has 1 build (limit 1)" in line[0]


def test_a_daemon_that_restarts_while_a_build_waits_in_line_gets_it(
    busybox: str, context: Path, tmp_path: Path
) -> None:
    begun, full, away = (threading.Event() for _ in range(3))

    def hear_other(_event: Event) -> None:
        if f"{tmp_path.name}\n".encode() in other.log:
            begun.set()

    def hear(event: Event) -> None:
        if isinstance(event, Notice) and event.text.startswith("waiting in line "):
            (away if event.text.endswith("only is unreachable") else full).set()

    with ExitStack() as stack:
        first = stack.enter_context(start_buildkitd(tmp_path / "first", unix=False))
        config = RouterConfig(addresses=addressed(("only", first.address)), max_builds=1, retries=0)
        other = Builder(config=config, scratch=tmp_path, then=hear_other)
        mine = Builder(config=replace(config, queue=120.0), scratch=tmp_path, then=hear)
        pool = stack.enter_context(ThreadPoolExecutor(2))
        stop = stack.enter_context(Cancellation())
        stack.callback(stop.cancel)
        dockerfile = f"FROM {busybox}\nRUN echo {tmp_path.name}; sleep 60\n"
        long = BuildRequest(context=str(write_tree(tmp_path / "long", {"Dockerfile": dockerfile})))
        lost = pool.submit(other.build, long, cancellation=stop)
        assert begun.wait(30)
        built = pool.submit(mine.build, BuildRequest(context=str(context)), cancellation=stop)
        assert full.wait(30)
        first.kill()
        assert isinstance(lost.exception(30), ConnectionLostError)
        assert away.wait(30)
        stack.enter_context(start_buildkitd(tmp_path / "again", unix=False, port=first.port))

        assert built.result(60).daemon == "only"


def test_a_time_in_line_that_is_over_ends_in_the_least_loaded(
    pair: Builder, busybox: str, context: Path, tmp_path: Path
) -> None:
    addresses = addresses_of(pair.config)
    with (
        busy(addresses["home"], busybox, tmp_path),
        busy(addresses["home"], busybox, tmp_path),
        busy(addresses["other"], busybox, tmp_path),
    ):
        began = time.monotonic()
        pair.build(BuildRequest(context=str(context)))
        plain = time.monotonic() - began
        pair.config = replace(pair.config, queue=1.0)
        result = pair.build(BuildRequest(context=str(context)))
        waited = time.monotonic() - began - plain

    assert result.daemon == "other"
    # The machine may be slow, with both builds: a wait that is too long is one's alone.
    assert 1.0 <= waited < 3.0 + 5 * plain
    assert any("waited 1 s in line" in text for text in notices(pair))


def test_an_interruption_ends_the_wait_in_line(
    pair: Builder, busybox: str, context: Path, tmp_path: Path
) -> None:
    pair.config = replace(pair.config, queue=60.0)
    addresses = addresses_of(pair.config)
    with (
        busy(addresses["home"], busybox, tmp_path),
        busy(addresses["other"], busybox, tmp_path),
        Cancellation() as stop,
    ):
        pair.then = lambda event: (
            stop.cancel() if isinstance(event, Notice) and "waiting in line" in event.text else None
        )
        with pytest.raises(CancelledError):
            pair.build(BuildRequest(context=str(context)), cancellation=stop)


def test_an_engine_that_can_not_tell_counts_as_not_busy(
    dockerd: Dockerd, buildkitd: Buildkitd, context: Path, tmp_path: Path
) -> None:
    config = RouterConfig(
        addresses=addressed(("home", f"docker://?host={dockerd.host}"), ("other", buildkitd.address)),
        max_builds=1,
    )
    builder = Builder(config=replace(config, key=key_of(config, "home")), scratch=tmp_path)

    assert builder.build(BuildRequest(context=str(context))).daemon == "home"


def test_a_herd_is_kept_out(buildkitd_three: tuple[Buildkitd, ...], busybox: str, tmp_path: Path) -> None:
    addresses = {f"d{number}": daemon.address for number, daemon in enumerate(buildkitd_three)}
    config = RouterConfig(max_builds=4, queue=120.0)
    # A herd comes for what is warm: where its home were cold, the first would look around before they build.
    spread(addresses, config, hot=1, others=0, base=busybox, scratch=tmp_path / "before")

    seen = spread(addresses, config, hot=24, others=12, base=busybox, scratch=tmp_path)

    assert max(seen.largest.values()) <= 4, seen
    assert max(seen.begun.values()) > 4, "nobody came too many: that was no herd"
    assert seen.at_home >= 1 / 3
