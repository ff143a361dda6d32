"""Many builds on a fleet that fails all the time: which were lost, which have a wrong result."""

from __future__ import annotations

import hashlib
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.chaos.faults import SELECTOR, Faults
from tests.e2e.builder import SEARCH_PATH
from tests.e2e.kubernetes import with_busybox
from tests.servers.cluster import Cluster

__all__ = ["VIAS", "Clients", "Outcome", "Report", "Storm", "result_in"]

VIAS = ("exec", "pod-ip", "port-forward")
"""The ways to a pod, which builds take in turns."""

_WARMROUTE = Path(sys.executable).with_name("warmroute")
_BUILDING_ON = re.compile(r"building on (\S+)")
_AGAIN = "was lost: starting again on"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one build ended. ``lines`` are what it said, with the moment (``time.monotonic``) of each."""

    number: int
    via: str
    code: int
    right: bool
    seconds: float
    lines: Sequence[tuple[float, str]] = field(repr=False)

    @property
    def daemons(self) -> list[tuple[float, str]]:
        """The daemons of its attempts, and when each began."""
        found = [(when, _BUILDING_ON.search(line)) for when, line in self.lines]
        return [(when, match[1]) for when, match in found if match]

    @property
    def text(self) -> str:
        """All that it said."""
        return "\n".join(line for _, line in self.lines)

    @property
    def moved(self) -> bool:
        """Whether it needed more than one attempt, as warmroute or its endpoint says."""
        return len(self.daemons) > 1 or _AGAIN in self.text


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of a storm."""

    outcomes: list[Outcome] = field(default_factory=list)
    inflicted: list[str] = field(default_factory=list)
    silenced: list[tuple[str, float]] = field(default_factory=list)

    @property
    def lost(self) -> list[Outcome]:
        """The builds that failed."""
        return [outcome for outcome in self.outcomes if outcome.code]

    @property
    def wrong(self) -> list[Outcome]:
        """The builds that said they are done, and whose result is another."""
        return [outcome for outcome in self.outcomes if not outcome.code and not outcome.right]

    @property
    def moved(self) -> int:
        """How many builds needed more than one attempt."""
        return sum(outcome.moved for outcome in self.outcomes)

    @property
    def longest_silence(self) -> float:
        """Seconds from the first dropped packet until a build on that pod went on elsewhere, at most."""
        waited = [0.0]
        for pod, since in self.silenced:
            for outcome in self.outcomes:
                on = [(when, name) for when, name in outcome.daemons if when <= since]
                later = [when for when, _ in outcome.daemons if when > since]
                running = outcome.lines and outcome.lines[-1][0] > since
                if outcome.via == "pod-ip" and on and on[-1][1] == pod and running and later:
                    waited.append(later[0] - since)
        return max(waited)


class Clients(Protocol):
    """Who builds: ``dialled`` are the pods whose IP they are connected to, as far as that is known."""

    @property
    def environment(self) -> Mapping[str, str]: ...

    def command(self, number: int, via: str, context: Path, out: Path) -> Sequence[str]:
        """Return the command of a build."""

    def is_right(self, out: Path, payload: Path) -> bool:
        """Say whether an output is what was meant."""

    def hears(self, number: int, via: str, line: str) -> None:
        """Take note of what a build prints."""

    def ended(self, number: int) -> None:
        """Take note of its end."""

    def dialled(self) -> list[str]: ...


class Warmroute:
    """`warmroute build`, each on its own."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._on_pod_ip: dict[int, str] = {}

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "PATH": SEARCH_PATH,
            "HOME": "/nonexistent",
            "KUBECONFIG": str(self._cluster.kubeconfig),
        }

    def command(self, number: int, via: str, context: Path, out: Path) -> Sequence[str]:
        return [
            *(str(_WARMROUTE), "build", "-v", "--selector", SELECTOR, "--key", f"app-{number}", "--via", via),
            *("--wait", "120s", "--retries", "5", "--progress", "plain"),
            *("--output", f"type=local,dest={out}", str(context)),
        ]

    def is_right(self, out: Path, payload: Path) -> bool:
        found = {path.name: path.read_bytes() for path in out.glob("*")}
        return found == result_in(payload)

    def hears(self, number: int, via: str, line: str) -> None:
        if via == "pod-ip" and (found := _BUILDING_ON.search(line)):
            self._on_pod_ip[number] = found[1]

    def ended(self, number: int) -> None:
        self._on_pod_ip.pop(number, None)

    def dialled(self) -> list[str]:
        return list(self._on_pod_ip.values())


class Storm:
    """``builds`` builds of ``shortest`` to ``longest`` seconds, some at once, while faults follow each other.

    Each build sends a payload of its own, takes its time, and writes the payload's digest: both are compared
    with what was meant.
    """

    def __init__(
        self,
        cluster: Cluster,
        scratch: Path,
        *,
        builds: int,
        at_once: int,
        seconds: tuple[int, int],
        seed: int,
        clients: Clients | None = None,
    ) -> None:
        self._cluster = cluster
        self._scratch = scratch
        self._builds = builds
        self._at_once = at_once
        self._seconds = seconds
        self._chance = random.Random(seed)
        self._clients = clients or Warmroute(cluster)
        self._faults = Faults(cluster, self._chance, self._clients.dialled)

    def run(self, faults: Sequence[str] = (), *, every: float = 8.0) -> Report:
        """Run it. ``faults`` (all if empty) follow each other again and again, ``every`` so many seconds."""
        report = Report(silenced=self._faults.silenced)
        contexts = [self._context(number) for number in range(self._builds)]
        over = threading.Event()
        order = list(faults) or list(self._faults.by_name())
        with ThreadPoolExecutor(self._at_once, "build") as pool:
            running = [pool.submit(self._build, number, context) for number, context in enumerate(contexts)]
            weather = threading.Thread(target=self._rage, args=(order, every, over, report), name="faults")
            weather.start()
            try:
                report.outcomes = [future.result() for future in running]
            finally:
                over.set()
                weather.join()
        return report

    def _rage(self, order: Sequence[str], every: float, over: threading.Event, report: Report) -> None:
        while True:
            for name in order:
                if over.wait(every):
                    return
                report.inflicted.append(name)
                self._faults.inflict(name)

    def _context(self, number: int) -> Path:
        folder = self._scratch / f"context-{number}"
        seconds = self._chance.randint(*self._seconds)
        lines = (
            "COPY payload /payload",
            f"RUN sleep {seconds} && sha256sum /payload > /digest",
            "FROM scratch",
            "COPY --from=0 /payload /digest /",
        )
        context = with_busybox(folder, lines)
        dockerfile = context / "Dockerfile"
        dockerfile.write_text(dockerfile.read_text().replace('"-c"]', '"-c"]\nENV PATH=/bin'))
        (context / "payload").write_bytes(self._chance.randbytes(1 << 20))
        return context

    def _build(self, number: int, context: Path) -> Outcome:
        via = VIAS[number % len(VIAS)]
        out = self._scratch / f"out-{number}"
        started = time.monotonic()
        with subprocess.Popen(
            self._clients.command(number, via, context, out),
            env=dict(self._clients.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stderr is not None
            lines: list[tuple[float, str]] = []
            for line in process.stderr:
                lines.append((time.monotonic(), line.decode().rstrip("\n")))
                self._clients.hears(number, via, lines[-1][1])
            self._clients.ended(number)
        return Outcome(
            number=number,
            via=via,
            code=process.returncode,
            right=self._clients.is_right(out, context / "payload"),
            seconds=time.monotonic() - started,
            lines=lines,
        )


def result_in(payload: Path) -> dict[str, bytes]:
    """Return the files that a build is to result in."""
    meant = payload.read_bytes()
    digest = f"{hashlib.sha256(meant).hexdigest()}  /payload\n"
    return {"payload": meant, "digest": digest.encode()}
