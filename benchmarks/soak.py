"""An endpoint that small builds go through for long, while daemons die and freeze: does it grow?"""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import trees
from benchmarks.served import Endpoint, buildctl, served
from tests.servers.buildkitd import Buildkitd, start_buildkitd

__all__ = ["soak"]

_DAEMONS, _CLIENTS = 3, 4
# 5,000 builds in 30 minutes.
_PAUSE = 30 * 60 / 5000 * _CLIENTS
_FAULT_EVERY, _FROZEN = 20.0, 3.0
_SAMPLES = 40


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What the endpoint has at one moment; memory in MB."""

    memory: float
    descriptors: int
    threads: int


@dataclass(kw_only=True)
class Soak:
    """What has happened so far."""

    over: threading.Event = field(default_factory=threading.Event)
    built: int = 0
    failed: list[str] = field(default_factory=list)
    faults: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def soak(program: Path, memory: Path, scratch: Path, minutes: float) -> str:
    """Build small things for some minutes; return the cells of a row."""
    state = Soak()
    with _fleet(memory, state) as fleet:
        listed = [f"{name}={daemon.address}" for name, daemon in fleet.items()]
        with served(program, listed, scratch) as endpoint, ThreadPoolExecutor(_CLIENTS) as pool:
            clients = [pool.submit(_client, state, endpoint, scratch, number) for number in range(_CLIENTS)]
            try:
                samples = list(_samples(endpoint, minutes * 60))
            finally:
                state.over.set()
            for client in clients:
                client.result()
    for error in state.failed[:5]:
        print(error, file=sys.stderr)
    quarter = len(samples) // 4
    early, late = samples[quarter : 2 * quarter], samples[-quarter:]
    grown = "; ".join(
        f"{what} {statistics.median(getattr(each, what) for each in early):.0f} in the second quarter,"
        f" {statistics.median(getattr(each, what) for each in late):.0f} in the last"
        for what in ("memory", "descriptors", "threads")
    )
    return f" | {state.built} builds, {len(state.failed)} failed | {state.faults} faults | {grown} |"


def _samples(endpoint: Endpoint, seconds: float) -> Iterator[Sample]:
    for _ in range(_SAMPLES):
        time.sleep(seconds / _SAMPLES)
        yield Sample(memory=endpoint.memory, descriptors=endpoint.descriptors, threads=endpoint.threads)


def _client(state: Soak, endpoint: Endpoint, scratch: Path, number: int) -> None:
    tool = buildctl(endpoint.address)
    context = trees.small(scratch / f"soak-{number}")
    for turn in itertools.count():
        # Every fourth build is new to its daemon; so many images that all daemons have some.
        (context / "a").write_text(f"{number} {turn // 4}")
        name = f"registry.test/soak{(turn // 4) % 50}:dev"
        argv = tool.build(context, "--output", f"type=image,name={name}")
        done = subprocess.run(
            argv, env={**os.environ, **tool.environment}, capture_output=True, text=True, check=False
        )
        with state.lock:
            state.built += 1
            if done.returncode:
                state.failed.append(done.stderr[-2000:])
        if state.over.wait(_PAUSE):
            return


@contextmanager
def _fleet(memory: Path, state: Soak) -> Iterator[dict[str, Buildkitd]]:
    """Run daemons of which one at a time dies and comes back, or freezes for a while."""
    fleet = {
        f"d{number}": start_buildkitd(memory / f"soak-{number}", unix=False) for number in range(_DAEMONS)
    }

    def faults() -> None:
        for number in itertools.count():
            if state.over.wait(_FAULT_EVERY):
                return
            name = f"d{number % _DAEMONS}"
            daemon = fleet[name]
            if number % 2:
                daemon.kill()
                fleet[name] = start_buildkitd(
                    memory / f"soak-{number % _DAEMONS}", unix=False, port=daemon.port
                )
            else:
                daemon.freeze()
                state.over.wait(_FROZEN)
                daemon.thaw()
            state.faults += 1

    thread = threading.Thread(target=faults, name="faults")
    thread.start()
    try:
        yield fleet
    finally:
        state.over.set()
        thread.join()
        for daemon in fleet.values():
            daemon.stop()
