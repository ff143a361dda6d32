"""Many clients at once: through the endpoint, and straight to the daemons that it would choose."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from benchmarks import trees
from benchmarks.served import Endpoint, buildctl, served
from benchmarks.tools import measure
from router import BuildRequest, BuildRouter, RouterConfig
from router._proto import control_pb2
from router.address import parse_address
from router.rpc import open_channel
from router.solve.control import Control
from router.transport.options import DialOptions
from tests.addressed import addressed
from tests.servers import binaries

__all__ = ["at_once", "idle"]

_BUILDS = 50
_CACHED_TURNS = 20
_ALL_WITHIN, _ENDS_WITHIN = 300.0, 30.0
# Cold each time: the sources differ.
_COLD = """\
FROM scratch
COPY busybox /bin/sh
COPY source /
RUN i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done
"""
# A daemon runs the step of equal builds once.
_IDLE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sleep", "3600"]\n'


def at_once(program: Path, fleet: Sequence[str], scratch: Path, turns: int) -> str:
    """Build 50 images at once, both ways in turn; return the cells of a row."""
    named = {f"d{number}": address for number, address in enumerate(fleet)}
    homes = _homes(named)
    straight, through, cpu = [], [], 0.0
    listed = [f"{name}={address}" for name, address in named.items()]
    # Whoever chooses by hand knows no bound.
    with served(program, listed, scratch, "--max-builds", "0") as endpoint:
        for turn in range(turns):
            straight.append(_all(scratch / f"straight-{turn}", homes))
            before = endpoint.cpu
            through.append(_all(scratch / f"through-{turn}", dict.fromkeys(homes, endpoint.address)))
            cpu += endpoint.cpu - before
        memory = endpoint.memory
    one, other = statistics.median(straight), statistics.median(through)
    ours = f"{cpu / turns / _BUILDS:.3f} cpu a build, {memory:.0f} MB"
    return f"{one:.2f} s | {other:.2f} s | {other / one:.2f} x | {ours} |"


def _homes(fleet: Mapping[str, str]) -> dict[str, str]:
    """Return where each image belongs: its tag, and its home's address."""
    router = BuildRouter(RouterConfig(addresses=addressed(*fleet.items())), environment={})
    homes = {}
    for number in range(_BUILDS):
        tag = f"registry.test/app{number}:dev"
        home = router.route(router.key(BuildRequest(tags=(tag,)))).home
        assert home is not None
        homes[tag] = str(home.address)
    return homes


def _all(scratch: Path, addresses: Mapping[str, str]) -> float:
    """Build all images at once, each at its address; return the seconds that it took."""

    def build(number: int, tag: str, address: str) -> None:
        context = scratch / str(number)
        context.mkdir(parents=True)
        shutil.copy(binaries.busybox(), context / "busybox")
        (context / "Dockerfile").write_text(_COLD)
        (context / "source").write_text(str(context))
        tool = buildctl(address)
        measure(tool.build(context, "--output", f"type=image,name={tag}"), tool.environment)

    began = time.monotonic()
    with ThreadPoolExecutor(_BUILDS) as pool:
        jobs = [pool.submit(build, number, *each) for number, each in enumerate(addresses.items())]
        for job in jobs:
            job.result()
    return time.monotonic() - began


def idle(program: Path, daemon: str, scratch: Path, connections: int) -> str:
    """Time a cached build through an endpoint, alone and beside idle builds; return the cells of a row."""
    small = trees.small(scratch / "small-idle")
    with served(program, [daemon], scratch, "--max-builds", "0") as endpoint:
        alone, memory = _cached(endpoint.address, small), endpoint.memory
        with _idle_builds(endpoint, daemon, scratch / "idle", connections):
            straight = _cached(daemon, small)
            beside, more = _cached(endpoint.address, small), endpoint.memory
            used = f"{endpoint.descriptors} descriptors, {endpoint.threads} threads"
    return (
        f"{straight:.3f} s | {beside:.3f} s, {alone:.3f} s without them | {beside / alone:.2f} x of that"
        f" | {memory:.0f} MB without, {more:.0f} MB with them; {used} |"
    )


def _cached(address: str, context: Path) -> float:
    tool = buildctl(address)
    measure(tool.build(context), tool.environment)
    return statistics.median(
        measure(tool.build(context), tool.environment).wall for _ in range(_CACHED_TURNS)
    )


@contextmanager
def _idle_builds(endpoint: Endpoint, daemon: str, context: Path, count: int) -> Iterator[None]:
    """Have builds in flight that do nothing, each by a client with a connection of its own."""
    context.mkdir()
    shutil.copy(binaries.busybox(), context / "busybox")
    (context / "Dockerfile").write_text(_IDLE)
    tool = buildctl(endpoint.address)
    clients: list[subprocess.Popen[bytes]] = []
    try:
        with (context.parent / "idle.log").open("wb") as log:
            argv = tool.build(context)
            clients.extend(subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=log) for _ in range(count))
        _wait_for(lambda: _in_flight(daemon) >= count, clients)
        yield
    finally:
        for client in clients:
            client.terminate()
        for client in clients:
            client.wait(_ENDS_WITHIN)


def _in_flight(daemon: str) -> int:
    request = control_pb2.BuildHistoryRequest(ActiveOnly=True, EarlyExit=True)
    with open_channel(parse_address(daemon), DialOptions(timeout=_ENDS_WITHIN), peer="the daemon") as channel:
        found: list[memoryview] = []
        call = Control(channel).records(request.SerializeToString(), found.append)
        channel.run(lambda: call.done, timeout=_ENDS_WITHIN)
    return len(found)


def _wait_for(there: Callable[[], bool], clients: Sequence[subprocess.Popen[bytes]]) -> None:
    end = time.monotonic() + _ALL_WITHIN
    while not there():
        if any(client.poll() is not None for client in clients) or time.monotonic() > end:
            raise RuntimeError("not all idle builds began: see idle.log")
        time.sleep(1)
