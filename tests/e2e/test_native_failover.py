"""What happens when a daemon can't be reached, falls silent or breaks; and when only the build is broken."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import get_args
from uuid import uuid4

import pytest

from router import (
    BuildError,
    BuildRequest,
    BuildRouter,
    DialError,
    Event,
    NoDaemonError,
    RouterConfig,
    TimeLimitError,
    TLSOptions,
)
from router.model.events import Attempt
from router.model.routing import GrpcEngine
from tests.addressed import addressed
from tests.e2e.builder import SEARCH_PATH, Builder, active_builds, finished_builds, write_tree
from tests.e2e.program import WARMROUTE
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.certs import CA
from tests.servers.dockerd import Dockerd
from tests.servers.ports import free_port
from tests.servers.registry import Registry


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY a.txt /\n", "a.txt": "a\n"})


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Buildkitd]:
    """A daemon to break."""
    with start_buildkitd(tmp_path / "victim", unix=False) as daemon:
        yield daemon


def two(home: str, other: str, scratch: Path) -> Builder:
    """Return a builder whose key belongs to the daemon named ``home``, with one more named ``other``."""
    config = RouterConfig(addresses=addressed(("home", home), ("other", other)), connect_timeout=2.0)
    return Builder(config=replace(config, key=key_of(config, "home")), scratch=scratch)


def key_of(config: RouterConfig, name: str) -> str:
    """Return a key that no daemon has built yet, and whose home is the daemon of that name."""
    for _ in range(1000):
        key = f"key-{uuid4()}"
        router = BuildRouter(replace(config, key=key), environment={})
        home = router.route(router.key(BuildRequest())).home
        if home is not None and home.name == name:
            return key
    raise AssertionError(f"no key of 1000 belongs to {name}")


def attempts(builder: Builder) -> list[tuple[int, str]]:
    """Return which attempt each daemon was, in order."""
    return [(event.number, event.daemon) for event in builder.events if isinstance(event, Attempt)]


def test_a_home_that_refuses_is_passed_over_with_one_warning(
    buildkitd: Buildkitd, context: Path, tmp_path: Path
) -> None:
    builder = two(f"tcp://127.0.0.1:{free_port()}", buildkitd.address, tmp_path)

    result = builder.build(BuildRequest(context=str(context)))

    assert result.daemon == "other"
    failed_over = [text for text in builder.warnings if "trying other" in text]
    assert len(failed_over) == 1
    assert "connection refused" in failed_over[0]


def test_a_frozen_home_is_given_up_within_the_time_for_connecting(
    buildkitd: Buildkitd, victim: Buildkitd, context: Path, tmp_path: Path
) -> None:
    builder = two(victim.address, buildkitd.address, tmp_path)
    victim.freeze()
    started = time.monotonic()
    try:
        result = builder.build(BuildRequest(context=str(context)))
    finally:
        victim.thaw()

    assert result.daemon == "other"
    assert 2.0 <= time.monotonic() - started < 10.0
    assert any("home" in text and "did not answer" in text for text in builder.warnings)


def test_a_thawed_daemon_does_not_build_what_went_elsewhere(
    buildkitd: Buildkitd, victim: Buildkitd, context: Path, tmp_path: Path
) -> None:
    builder = two(victim.address, buildkitd.address, tmp_path)
    victim.freeze()
    try:
        builder.build(BuildRequest(context=str(context)))
    finally:
        victim.thaw()

    # A daemon answers in order: this one comes after what was left in its socket.
    builder.config = replace(builder.config, addresses=addressed(("home", victim.address)))
    builder.build(BuildRequest(context=str(context)))
    assert finished_builds(victim.address) == 1


@pytest.mark.parametrize("engine", get_args(GrpcEngine))
def test_a_daemon_that_dies_during_the_build_is_replaced(
    buildkitd: Buildkitd, victim: Buildkitd, busybox: str, tmp_path: Path, engine: GrpcEngine
) -> None:
    builder = two(victim.address, buildkitd.address, tmp_path)
    builder.config = replace(builder.config, grpc_engine=engine)
    dockerfile = f"FROM {busybox}\nRUN echo {tmp_path.name}; sleep 2; echo done >/done\n"
    write_tree(tmp_path / "context", {"Dockerfile": dockerfile})
    word = f"{tmp_path.name}\n".encode()

    def kill(_event: Event) -> None:
        if word in builder.log and victim.process.running():
            victim.kill()

    builder.then = kill

    files = builder.files(BuildRequest(context=str(tmp_path / "context")))

    assert files["done"] == b"done\n"
    assert attempts(builder) == [(1, "home"), (2, "home"), (2, "other")]
    first, again, elsewhere = (event.reason for event in builder.events if isinstance(event, Attempt))
    assert not first
    assert "lost home" in again
    assert "connection refused" in elsewhere


@contextmanager
def at_first_word(builder: Builder, word: str, action: Callable[[], None]) -> Iterator[None]:
    """Act once, when a step of the build has printed the word."""
    acted: list[bool] = []

    def then(_event: Event) -> None:
        if not acted and f"{word}\n".encode() in builder.log:
            acted.append(True)
            action()

    builder.then = then
    yield
    assert acted


def slow(tmp_path: Path, busybox: str) -> BuildRequest:
    """Return a build that prints the name of its folder, and takes some time."""
    dockerfile = f"FROM {busybox}\nRUN echo {tmp_path.name}; sleep 3; echo done >/done\n"
    return BuildRequest(context=str(write_tree(tmp_path / "slow", {"Dockerfile": dockerfile})))


def test_a_daemon_that_is_told_to_stop_ends_the_build_that_it_has(
    buildkitd: Buildkitd, victim: Buildkitd, context: Path, busybox: str, tmp_path: Path
) -> None:
    builder = two(victim.address, buildkitd.address, tmp_path)
    meanwhile = two(victim.address, buildkitd.address, tmp_path / "meanwhile")

    def stop() -> None:
        victim.process.signal(signal.SIGTERM)
        while victim.listens():
            pass
        assert meanwhile.build(BuildRequest(context=str(context))).daemon == "other"

    with at_first_word(builder, tmp_path.name, stop):
        result = builder.build(slow(tmp_path, busybox))

    assert result.daemon == "home"
    assert attempts(builder) == [(1, "home")]


def test_a_daemon_that_is_pressed_to_stop_loses_the_build(
    buildkitd: Buildkitd, victim: Buildkitd, busybox: str, tmp_path: Path
) -> None:
    builder = two(victim.address, buildkitd.address, tmp_path)

    def press() -> None:
        victim.process.signal(signal.SIGTERM)
        while victim.listens():
            pass
        while victim.process.running():
            victim.process.signal(signal.SIGTERM)

    with at_first_word(builder, tmp_path.name, press):
        result = builder.build(slow(tmp_path, busybox))

    assert result.daemon == "other"
    assert attempts(builder)[-1] == (2, "other")


def test_a_lone_daemon_that_restarts_gets_its_build_again(busybox: str, tmp_path: Path) -> None:
    with start_buildkitd(tmp_path / "d", unix=False) as first:
        builder = Builder(config=RouterConfig(addresses=addressed(("only", first.address))), scratch=tmp_path)
        with ExitStack() as later, at_first_word(builder, tmp_path.name, first.kill):
            builder.then = _restarting(builder.then, first, later, tmp_path)
            files = builder.files(slow(tmp_path, busybox))

    assert files["done"] == b"done\n"
    assert {daemon for _, daemon in attempts(builder)} == {"only"}
    assert attempts(builder)[-1][0] == 2


def _restarting(
    then: Callable[[Event], None], first: Buildkitd, later: ExitStack, scratch: Path
) -> Callable[[Event], None]:
    """Return what starts the daemon anew where it was, once a second attempt on it is told."""

    def both(event: Event) -> None:
        then(event)
        if isinstance(event, Attempt) and event.number == 2 and first.port is not None:
            later.pop_all().close()
            later.enter_context(start_buildkitd(scratch / "again", unix=False, port=first.port))

    return both


def test_a_daemon_whose_disk_is_full_is_passed_over(
    buildkitd: Buildkitd, context: Path, tmp_path: Path
) -> None:
    write_tree(context, {"a.txt": os.urandom(60_000_000)})
    with (
        small_disk(tmp_path / "small", "40m") as root,
        start_buildkitd(tmp_path / "full", unix=False, root=root / "root") as full,
    ):
        builder = two(full.address, buildkitd.address, tmp_path)
        result = builder.build(BuildRequest(context=str(context)))

    assert result.daemon == "other"
    assert attempts(builder) == [(1, "home"), (2, "other")]
    reason = next(
        event.reason for event in builder.events if isinstance(event, Attempt) and event.number == 2
    )
    assert "no space left on device" in reason


def test_a_build_whose_time_is_up_says_what_was_running(
    buildkitd: Buildkitd, busybox: str, tmp_path: Path
) -> None:
    builder = two(buildkitd.address, buildkitd.unix_address, tmp_path)
    builder.config = replace(builder.config, timeout=5.0)
    dockerfile = f"FROM {busybox}\nRUN echo {tmp_path.name}; sleep 60\n"
    context = write_tree(tmp_path / "slow", {"Dockerfile": dockerfile})

    with pytest.raises(TimeLimitError) as caught:
        builder.build(BuildRequest(context=str(context)))

    assert "did not end within 5 s: running on home: [2/2] RUN echo" in str(caught.value)
    assert attempts(builder) == [(1, "home")]
    within = time.monotonic() + 20.0
    while active_builds(buildkitd.address):
        assert time.monotonic() < within


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a file system of that size."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_a_build_that_fails_is_not_tried_on_the_next_daemon(
    buildkitd: Buildkitd, victim: Buildkitd, busybox: str, tmp_path: Path
) -> None:
    builder = two(buildkitd.address, victim.address, tmp_path)
    write_tree(tmp_path / "context", {"Dockerfile": f"FROM {busybox}\nRUN exit 3\n"})
    before = finished_builds(buildkitd.address)

    with pytest.raises(BuildError):
        builder.build(BuildRequest(context=str(tmp_path / "context")))

    assert finished_builds(buildkitd.address) == before + 1
    assert finished_builds(victim.address) == 0
    assert not any("going on" in text for text in builder.warnings)


def test_no_daemon_at_all_is_an_error_that_lists_each(context: Path, tmp_path: Path) -> None:
    addresses = [f"tcp://127.0.0.1:{free_port()}" for _ in range(2)]
    builder = two(addresses[0], addresses[1], tmp_path)

    with pytest.raises(NoDaemonError) as caught:
        builder.build(BuildRequest(context=str(context)))

    assert all(address in str(caught.value) for address in addresses)
    assert str(caught.value).count("connection refused") == 2
    assert caught.value.exit_code == 69
    assert caught.value.hint


def test_one_daemon_that_can_not_be_reached_is_named_by_its_own_error(context: Path, tmp_path: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"
    builder = Builder(config=RouterConfig(addresses=addressed(("only", address))), scratch=tmp_path)

    with pytest.raises(DialError, match="connection refused") as caught:
        builder.build(BuildRequest(context=str(context)))

    assert caught.value.exit_code == 69


def test_the_local_engine_is_the_fallback(dockerd: Dockerd, context: Path, tmp_path: Path) -> None:
    builder = two(f"tcp://127.0.0.1:{free_port()}", f"tcp://127.0.0.1:{free_port()}", tmp_path)
    builder.config = replace(builder.config, fallback="docker")
    builder.environment |= dockerd.environment
    tag = "example.test/fallback:1"

    result = builder.build(BuildRequest(context=str(context), tags=(tag,)))

    assert dockerd.cli("image", "inspect", "--format", "{{.Id}}", tag).strip() == result.image_id


@contextmanager
def listening() -> Iterator[str]:
    """Yield the address of a socket that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_a_peer_that_says_nothing_is_silent_not_lost(context: Path, tmp_path: Path) -> None:
    with listening() as address:
        config = RouterConfig(addresses=addressed(("mute", address)), connect_timeout=1.0)
        builder = Builder(config=config, scratch=tmp_path)

        with pytest.raises(DialError, match=r"mute .* did not answer in time") as caught:
            builder.build(BuildRequest(context=str(context)))

    assert caught.value.reason == "timeout"


def test_a_server_that_is_no_buildkit_is_told_apart(
    registry: Registry, context: Path, tmp_path: Path
) -> None:
    config = RouterConfig(addresses=addressed(("web", f"tcp://{registry.host}")), connect_timeout=5.0)
    builder = Builder(config=config, scratch=tmp_path)

    with pytest.raises(DialError, match="is not a BuildKit daemon"):
        builder.build(BuildRequest(context=str(context)))


def test_tls_is_spoken_with_client_certificates(context: Path, tmp_path: Path) -> None:
    ca = CA()
    certs = ca.write_tls_dir(tmp_path / "tls", ca.client())
    tls = TLSOptions(ca=f"{certs}/ca.pem", cert=f"{certs}/cert.pem", key=f"{certs}/key.pem")
    with start_buildkitd(tmp_path / "d", unix=False, tls=ca) as daemon:
        config = RouterConfig(addresses=addressed(("tls", daemon.address)), tls=tls, connect_timeout=5.0)
        builder = Builder(config=config, scratch=tmp_path)
        assert builder.files(BuildRequest(context=str(context))) == {"a.txt": b"a\n"}

        for wrong in (None, replace(tls, ca=str(write_tree(tmp_path, {"ca": CA().pem}) / "ca"))):
            builder.config = replace(config, tls=wrong)
            with pytest.raises(DialError) as caught:
                builder.build(BuildRequest(context=str(context)))
            assert caught.value.hint


def test_what_is_half_on_stdout_is_not_begun_again_by_the_next_daemon(
    buildkitd: Buildkitd, victim: Buildkitd, tmp_path: Path
) -> None:
    config = two(victim.address, buildkitd.address, tmp_path).config
    big = os.urandom(60_000_000)
    context = write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY big /\n", "big": big})
    addresses = [f"--addr={name}={address}" for name, address in config.addresses]
    with subprocess.Popen(
        [WARMROUTE, "build", *addresses, "--key", config.key, "--output=-", str(context)],
        env={"PATH": SEARCH_PATH, "HOME": "/nonexistent"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        head = running.stdout.read(10_000)
        victim.kill()
        rest = running.stdout.read()
        said = running.stderr.read().decode()

    assert running.returncode == 1
    assert "part of it is on stdout already" in said
    assert "trying other" not in said
    assert 0 < len(head + rest) < len(big)
