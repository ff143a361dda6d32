"""Many builds at the same moment on a few daemons: how they spread, by the daemons' own histories."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from router import BuildRequest, BuildResult, BuildRouter, Cancellation, CancelledError, RouterConfig
from router._proto import control_pb2 as pb
from router.rpc.channel import Channel
from router.solve.control import Control
from router.transport import dial
from router.transport.options import DialOptions
from tests.e2e.builder import SEARCH_PATH, write_tree

HOT = "hot"


@dataclass(frozen=True, kw_only=True)
class Spread:
    """What came of it. ``largest`` is the largest number of builds in flight on each daemon, ``begun`` the
    same with those that were taken back again; ``at_home`` is the share of the hot key's builds that home
    built."""

    largest: Mapping[str, int]
    begun: Mapping[str, int]
    at_home: float
    seconds: float


class _History:
    """The builds of one daemon, as its history tells them."""

    def __init__(self) -> None:
        self.events: list[tuple[bool, str]] = []
        self.listening = threading.Event()

    def see(self, message: memoryview) -> None:
        event = pb.BuildHistoryEvent.FromString(bytes(message))
        if event.type != pb.DELETED:
            self.events.append((event.type == pb.STARTED, event.record.Ref))

    def largest(self, refs: set[str] | None = None) -> int:
        """Return the most builds in flight at one time, of all or of some."""
        largest = now = 0
        for started, ref in self.events:
            if refs is None or ref in refs:
                now += 1 if started else -1
                largest = max(largest, now)
        return largest


@contextmanager
def _listening(address: str) -> Iterator[_History]:
    history = _History()
    with Cancellation() as stop:

        def listen() -> None:
            with Channel(dial(address, DialOptions(timeout=10)), peer=address, cancellation=stop) as channel:
                control = Control(channel)
                call = control.history(history.see, follow=True)
                control.active_builds(timeout=10)
                history.listening.set()
                try:
                    channel.run(lambda: call.done)
                except CancelledError:
                    return

        thread = threading.Thread(target=listen)
        thread.start()
        assert history.listening.wait(10)
        try:
            yield history
        finally:
            # What has ended is told within this connection, in order: nothing is on its way any more.
            with Channel(dial(address, DialOptions(timeout=10)), peer=address) as channel:
                while Control(channel).active_builds(timeout=10):
                    pass
            stop.cancel()
            thread.join()


def spread(
    addresses: Mapping[str, str], config: RouterConfig, *, hot: int, others: int, base: str, scratch: Path
) -> Spread:
    """Build ``hot`` times for one key and once for each of ``others`` more, all at the same moment.

    Each build has a step of its own that takes two seconds. ``base`` is an image with a shell.
    """
    config = replace(config, addresses=tuple(addresses.items()))
    keys = [HOT] * hot + [f"other-{number}" for number in range(others)]
    together = threading.Barrier(len(keys))

    def build(number: int) -> BuildResult:
        dockerfile = f"FROM {base}\nRUN : {scratch.name} {number}; sleep 2\n"
        context = write_tree(scratch / str(number), {"Dockerfile": dockerfile})
        router = BuildRouter(
            replace(config, key=keys[number]), environment={"PATH": SEARCH_PATH, "HOME": "/nonexistent"}
        )
        together.wait()
        return router.build(BuildRequest(context=str(context)))

    with _all_listening(addresses) as histories, ThreadPoolExecutor(len(keys)) as pool:
        began = time.monotonic()
        results = list(pool.map(build, range(len(keys))))
        seconds = time.monotonic() - began
    refs = {result.ref for result in results}
    return Spread(
        largest={name: history.largest(refs) for name, history in histories.items()},
        begun={name: history.largest() for name, history in histories.items()},
        at_home=_share_at_home(results, config),
        seconds=seconds,
    )


@contextmanager
def _all_listening(addresses: Mapping[str, str]) -> Iterator[Mapping[str, _History]]:
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield {name: stack.enter_context(_listening(address)) for name, address in addresses.items()}


def _share_at_home(results: Sequence[BuildResult], config: RouterConfig) -> float:
    router = BuildRouter(replace(config, key=HOT), environment={})
    home = router.route(router.key(BuildRequest())).home
    assert home is not None
    where = Counter(result.daemon for result in results if result.key == HOT)
    return where[home.name] / where.total()
