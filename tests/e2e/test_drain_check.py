"""Whether a daemon may be stopped: for a hook that runs before it is."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from router import BuildRequest, Cancellation, CancelledError, RouterConfig
from router.address import parse_address
from router.model.daemon import Daemon
from router.model.events import Event, SolveStatus
from tests.addressed import addressed
from tests.e2e.builder import Builder, active_builds, write_tree
from tests.e2e.drain_tries import ASKS, ask_while_building
from tests.e2e.kubernetes import wait_for
from tests.e2e.processes import Installed
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.dockerd import Dockerd
from tests.servers.ports import free_port


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildkitd]:
    """A daemon that nobody else builds on."""
    with start_buildkitd(tmp_path_factory.mktemp("drained")) as started:
        yield started


@contextmanager
def building(daemon: Buildkitd, busybox: str, scratch: Path) -> Iterator[Callable[[], None]]:
    """Have a build in flight, whose step runs; call what this yields to end it before the context does."""
    word = f"begun-{scratch.name}"
    dockerfile = f"FROM {busybox}\nRUN echo {word}; sleep 600\n"
    context = write_tree(scratch / "context", {"Dockerfile": dockerfile})
    arguments = ("build", f"--addr={daemon.address}", "--progress=plain", context)
    with Installed().started(*arguments) as running:
        running.read_until(f" {word}\n".encode())
        yield lambda: running.signal(signal.SIGINT)
        if running.process.poll() is None:
            running.signal(signal.SIGINT)
        running.wait(within=20.0)
    idle(daemon)


def idle(daemon: Buildkitd) -> None:
    """Wait until a daemon has ended what its clients have given up."""
    wait_for(lambda: active_builds(daemon.address) == 0, "the daemon has no build", within=30.0)


@contextmanager
def begun(daemon: Buildkitd, context: Path) -> Iterator[None]:
    """Have a build whose first status has just been seen. Its step says that it runs."""
    seen, runs = threading.Event(), threading.Event()
    builder = Builder(config=RouterConfig(addresses=addressed(("a", daemon.address))), scratch=context)

    def see(event: Event) -> None:
        if isinstance(event, SolveStatus):
            seen.set()
            if event.logs:
                runs.set()

    builder.then = see
    with Cancellation() as stop:

        def build() -> None:
            with pytest.raises(CancelledError):
                builder.build(BuildRequest(context=str(context)), cancellation=stop)

        thread = threading.Thread(target=build)
        thread.start()
        try:
            assert seen.wait(30.0)
            yield
            # runc does not end a container that it is starting: the daemon would wait for the whole step.
            assert runs.wait(30.0)
        finally:
            stop.cancel()
            thread.join()


def wrong_answers(
    daemon: Buildkitd, context: Path, ask: Callable[[Daemon], int | None], *, tries: int, seed: int = 0
) -> int:
    """Ask how many builds a daemon has, at random moments of a build; return how often it was not 1."""
    asked = Daemon(name="a", address=parse_address(daemon.address))
    random = Random(seed)
    wrong = 0
    for _ in range(tries):
        idle(daemon)
        with begun(daemon, context):
            threading.Event().wait(random.choice((0.0, random.random() * 0.1)))
            wrong += ask(asked) != 1
    idle(daemon)
    return wrong


@pytest.mark.parametrize("ask", ASKS)
def test_a_daemon_that_builds_is_never_called_idle(
    daemon: Buildkitd, busybox: str, tmp_path: Path, ask: str
) -> None:
    context = write_tree(tmp_path / "context", {"Dockerfile": f"FROM {busybox}\nRUN echo begun; sleep 60\n"})

    assert wrong_answers(daemon, context, ASKS[ask], tries=20) == 0


@pytest.mark.parametrize("ask", ASKS)
def test_a_daemon_is_not_called_idle_while_other_builds_end(
    daemon: Buildkitd, busybox: str, tmp_path: Path, ask: str
) -> None:
    found = ask_while_building(daemon, busybox, tmp_path, ASKS[ask], tries=50)

    idle(daemon)
    assert (found.idle, found.made) == (0, 50)
    assert found.beside > 0


def test_an_idle_daemon_may_be_stopped(daemon: Buildkitd) -> None:
    done = Installed().ok("drain-check", f"--addr=a={daemon.address}")

    assert done.stdout == "a has no build in flight\n"
    assert done.stderr == ""


def test_a_daemon_that_builds_may_not(daemon: Buildkitd, busybox: str, tmp_path: Path) -> None:
    with building(daemon, busybox, tmp_path):
        done = Installed().run("drain-check", f"--addr=a={daemon.unix_address}")
        waited = Installed().run("drain-check", "--wait-idle=1s", f"--addr=a={daemon.address}")

    assert (done.code, done.stdout) == (1, "")
    assert "a has 1 build in flight" in done.stderr
    assert waited.code == 1
    assert "a has 1 build in flight after 1 s" in waited.stderr
    # The machine may be slow, with both: a wait that is too long is one's alone.
    assert 1.0 <= waited.seconds < 3.0 + 5 * done.seconds


def test_waiting_ends_with_the_last_build(daemon: Buildkitd, busybox: str, tmp_path: Path) -> None:
    with (
        building(daemon, busybox, tmp_path) as end,
        Installed().started("drain-check", "--wait-idle=9m", f"--addr=a={daemon.address}") as waiting,
    ):
        waiting.read_until(b"a has 1 build in flight\n")
        end()
        assert waiting.wait(within=60.0) == 0

    assert waiting.output.endswith(b"a has no build in flight\n")


def test_the_daemon_is_named_where_there_are_several(daemon: Buildkitd) -> None:
    two = (f"--addr=a={daemon.address}", f"--addr=b=tcp://127.0.0.1:{free_port()}")

    assert Installed().ok("drain-check", "a", *two).stdout == "a has no build in flight\n"
    unnamed = Installed().run("drain-check", *two)
    assert (unnamed.code, "name the daemon to check: a, b" in unnamed.stderr) == (2, True)
    unknown = Installed().run("drain-check", "c", *two)
    assert (unknown.code, 'no daemon named "c"' in unknown.stderr) == (69, True)
    away = Installed().run("drain-check", "b", *two)
    assert (away.code, "connection refused" in away.stderr) == (69, True)


def test_a_daemon_without_a_history_can_not_tell(dockerd: Dockerd) -> None:
    done = Installed(environment=dockerd.environment).run("drain-check")

    assert done.code == 69
    assert "can't list its builds" in done.stderr
