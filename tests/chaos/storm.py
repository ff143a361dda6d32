"""Many builds on a fleet that fails all the time: which were lost, which have a wrong result."""

from __future__ import annotations

import hashlib
import random
import re
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.faults import SELECTOR, Faults
from tests.e2e.builder import SEARCH_PATH
from tests.e2e.kubernetes import with_busybox
from tests.servers.cluster import Cluster

__all__ = ["Outcome", "Report", "Storm"]

_WARMROUTE = Path(sys.executable).with_name("warmroute")
_BUILDING_ON = re.compile(r"building on (\S+)")
_VIAS = ("exec", "pod-ip", "port-forward")


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
        return sum(len(outcome.daemons) > 1 for outcome in self.outcomes)

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
    ) -> None:
        self._cluster = cluster
        self._scratch = scratch
        self._builds = builds
        self._at_once = at_once
        self._seconds = seconds
        self._chance = random.Random(seed)
        self._on_pod_ip: dict[int, str] = {}
        self._faults = Faults(cluster, self._chance, lambda: list(self._on_pod_ip.values()))

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
        via = _VIAS[number % len(_VIAS)]
        out = self._scratch / f"out-{number}"
        started = time.monotonic()
        argv = [
            *(str(_WARMROUTE), "build", "-v", "--selector", SELECTOR, "--key", f"app-{number}", "--via", via),
            *("--wait", "120s", "--retries", "5", "--progress", "plain"),
            *("--output", f"type=local,dest={out}", str(context)),
        ]
        environment = {
            "PATH": SEARCH_PATH,
            "HOME": "/nonexistent",
            "KUBECONFIG": str(self._cluster.kubeconfig),
        }
        with subprocess.Popen(
            argv, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            assert process.stderr is not None
            lines: list[tuple[float, str]] = []
            for line in process.stderr:
                lines.append((time.monotonic(), line.decode().rstrip("\n")))
                if via == "pod-ip" and (found := _BUILDING_ON.search(lines[-1][1])):
                    self._on_pod_ip[number] = found[1]
            self._on_pod_ip.pop(number, None)
        return Outcome(
            number=number,
            via=via,
            code=process.returncode,
            right=_is_right(out, context / "payload"),
            seconds=time.monotonic() - started,
            lines=lines,
        )


def _is_right(out: Path, payload: Path) -> bool:
    meant = payload.read_bytes()
    try:
        came, digest = (out / "payload").read_bytes(), (out / "digest").read_text()
    except OSError:
        return False
    names = sorted(path.name for path in out.iterdir())
    return (
        came == meant
        and digest.startswith(hashlib.sha256(meant).hexdigest())
        and names == ["digest", "payload"]
    )
