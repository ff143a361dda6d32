"""Many builds at the same moment on a few daemons: how they spread, by the daemons' own histories."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from router import BuildRequest, BuildResult, BuildRouter, Cancellation, CancelledError, RouterConfig
from router._proto import control_pb2 as pb
from router.address import parse_address
from router.rpc.channel import Channel
from router.solve.control import Control
from router.transport import dial
from router.transport.options import DialOptions
from tests.addressed import addressed
from tests.e2e.builder import SEARCH_PATH, write_tree

HOT = "hot"
# No build has this name; that it is deleted is told all the same.
_NOBODY = "nobody"


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
    """The builds of one daemon, by the times that its history gives them.

    The order in which events come tells nothing: buildkitd sends each from a goroutine of its own.
    """

    def __init__(self) -> None:
        self.listening = threading.Event()
        self._changed = threading.Condition()
        self._begun: set[str] = set()
        self._over: dict[str, tuple[int, int]] = {}

    def see(self, message: memoryview) -> None:
        event = pb.BuildHistoryEvent.FromString(bytes(message))
        record = event.record
        with self._changed:
            if event.type == pb.STARTED:
                self._begun.add(record.Ref)
            elif event.type == pb.COMPLETE:
                times = record.CreatedAt.ToNanoseconds(), record.CompletedAt.ToNanoseconds()
                self._over[record.Ref] = times
            elif record.Ref == _NOBODY:
                self.listening.set()
            self._changed.notify_all()

    def wait(self) -> None:
        """Return when the end of all that has begun has been told."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._begun <= set(self._over), timeout=30)

    def largest(self, refs: set[str] | None = None) -> int:
        """Return the most builds in flight at one time, of all or of some."""
        times = [times for ref, times in self._over.items() if refs is None or ref in refs]
        # At one instant the end of a build comes before the beginning of another.
        steps = sorted([(begun, 1) for begun, _ in times] + [(ended, -1) for _, ended in times])
        largest = now = 0
        for _, step in steps:
            now += step
            largest = max(largest, now)
        return largest


def _have_told(channel: Channel, control: Control) -> None:
    told = control.update_record(_NOBODY, delete=True)
    channel.run(lambda: told.done, timeout=10)


@contextmanager
def _listening(address: str) -> Iterator[_History]:
    history = _History()
    with Cancellation() as stop:

        def listen() -> None:
            with Channel(
                dial(parse_address(address), DialOptions(timeout=10)), peer=address, cancellation=stop
            ) as channel:
                control = Control(channel)
                call = control.history(history.see, follow=True)
                # Only an event shows that what follows is told: have the daemon tell one.
                while not history.listening.is_set():
                    _have_told(channel, control)
                with suppress(CancelledError):
                    channel.run(lambda: call.done)

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            assert history.listening.wait(10)
            yield history
            history.wait()
        finally:
            stop.cancel()
            thread.join()


def spread(
    addresses: Mapping[str, str], config: RouterConfig, *, hot: int, others: int, base: str, scratch: Path
) -> Spread:
    """Build ``hot`` times for one key and once for each of ``others`` more, all at the same moment.

    Each build has a step of its own that takes two seconds. ``base`` is an image with a shell.
    """
    config = replace(config, addresses=addressed(*addresses.items()))
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
