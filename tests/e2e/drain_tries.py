"""How often a daemon that builds is called idle: `python -m tests.e2e.drain_tries 1000`.

One build is in flight from before the first try to after the last: its step counts, and a number that comes
after an answer shows that it still ran then. Beside it others begin and end all the time, because the end of
a stream is where it was once concluded that a daemon has no build.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from router import BuildRequest, Cancellation, CancelledError, RouterConfig
from router.address import parse_address
from router.model.daemon import Daemon
from router.model.events import Event, SolveStatus
from router.operations.drain import drain
from router.operations.inspect import inspect
from router.operations.load import Waiting, wait_for_room
from router.solve.room import builds_in_flight
from router.transport.options import DialOptions
from tests.addressed import addressed
from tests.e2e.builder import Builder, small_busybox, write_tree
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.registry import start_registry

__all__ = ["ASKS", "Tries", "ask_while_building"]

_OPTIONS = DialOptions(timeout=10.0)
_PATIENCE = 30.0
_PAUSE = 0.1


def _drained(daemon: Daemon) -> int | None:
    return drain(daemon, _OPTIONS)


def _listed(daemon: Daemon) -> int | None:
    return inspect([daemon], _OPTIONS)[0].builds


def _asked(daemon: Daemon) -> int | None:
    return builds_in_flight(daemon, _OPTIONS)


def _waited_for(daemon: Daemon) -> int | None:
    """Stand in line where one build is the bound, for a moment."""
    with Cancellation() as never:
        waiting = Waiting(seconds=0.01, dial=_OPTIONS, cancellation=never, tell=lambda _: None)
        return 1 if wait_for_room([(daemon, 1)], waiting) is None else 0


ASKS: dict[str, Callable[[Daemon], int | None]] = {
    "drain-check": _drained,
    "ls": _listed,
    "--max-builds": _asked,
    "--queue": _waited_for,
}


class Tries:
    """How many there were, how many answers were no build, and how many builds ended beside them."""

    def __init__(self) -> None:
        self.made = self.idle = self.beside = 0

    def __str__(self) -> str:
        return f"{self.idle} of {self.made} said idle ({self.beside} builds began and ended beside)"


class _Counting:
    """A build whose step counts. It is the same build all the time: it is not retried."""

    def __init__(self, daemon: Buildkitd, context: Path) -> None:
        self._config = RouterConfig(addresses=addressed(("a", daemon.address)), retries=0)
        self._context = context
        self._counted = threading.Condition()
        self._count = 0
        self.error: BaseException | None = None

    def still_runs(self) -> None:
        """Return when the step has counted on from here; fail where the build has ended."""
        with self._counted:
            now = self._count
            assert self._counted.wait_for(lambda: self._count > now or self.error, _PATIENCE)
        assert self.error is None, self.error

    def run(self, stop: Cancellation) -> None:
        """Build until ``stop``."""
        builder = Builder(config=self._config, scratch=self._context, then=self._see)
        try:
            builder.build(BuildRequest(context=str(self._context), no_cache=True), cancellation=stop)
        except BaseException as exc:  # noqa: BLE001 -- told by the thread that waits
            with self._counted:
                self.error = exc
                self._counted.notify_all()

    def _see(self, event: Event) -> None:
        if isinstance(event, SolveStatus) and event.logs:
            with self._counted:
                self._count += 1
                self._counted.notify_all()


@contextmanager
def _one_in_flight(daemon: Buildkitd, context: Path) -> Iterator[_Counting]:
    counting = _Counting(daemon, context)
    with Cancellation() as stop:
        thread = threading.Thread(target=counting.run, args=(stop,))
        thread.start()
        try:
            counting.still_runs()
            yield counting
            counting.still_runs()
        finally:
            stop.cancel()
            thread.join()
    assert isinstance(counting.error, CancelledError)


@contextmanager
def _others_beside(daemon: Buildkitd, context: Path, tries: Tries) -> Iterator[None]:
    """Have builds of a moment, one after the other."""
    over, failed = threading.Event(), list[BaseException]()
    builder = Builder(config=RouterConfig(addresses=addressed(("a", daemon.address))), scratch=context)

    def build() -> None:
        try:
            while not over.is_set():
                builder.build(BuildRequest(context=str(context), build_args={"N": str(tries.beside)}))
                tries.beside += 1
        except BaseException as exc:  # noqa: BLE001 -- raised below
            failed.append(exc)

    thread = threading.Thread(target=build)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert not failed, failed


def ask_while_building(
    daemon: Buildkitd, busybox: str, scratch: Path, ask: Callable[[Daemon], int | None], tries: int
) -> Tries:
    """Ask a daemon as often for its builds; return how often it was said to have none."""
    step = "RUN while :; do echo on; sleep 0.1; done"
    long = write_tree(scratch / "long", {"Dockerfile": f"FROM {busybox}\n{step}\n"})
    short = write_tree(scratch / "short", {"Dockerfile": f"FROM {busybox}\nARG N\nLABEL n=$N\n"})
    asked = Daemon(name="a", address=parse_address(daemon.address))
    found, moments = Tries(), Random(tries)
    with _one_in_flight(daemon, long) as counting, _others_beside(daemon, short, found):
        while found.made < tries:
            found.idle += not ask(asked)
            found.made += 1
            # At any moment of the builds beside.
            time.sleep(moments.random() * _PAUSE)
            if found.made % 50 == 0:
                counting.still_runs()
    return found


def _main(tries: int) -> int:
    wrong = 0
    with tempfile.TemporaryDirectory() as name, start_registry(Path(name, "registry")) as registry:
        scratch = Path(name, "daemon")
        scratch.mkdir()
        busybox = registry.push(small_busybox(), "busybox")
        with start_buildkitd(scratch) as daemon:
            for what, ask in ASKS.items():
                began = time.monotonic()
                found = ask_while_building(daemon, busybox, scratch, ask, tries)
                wrong += found.idle
                sys.stdout.write(f"{what}: {found}, {time.monotonic() - began:.0f} s\n")
                sys.stdout.flush()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000))
