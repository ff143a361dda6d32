"""What can befall a fleet of buildkitd pods on a real cluster; each is undone before the next."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from tests.servers import debian
from tests.servers.cluster import Cluster

__all__ = ["FLEET", "REPLICAS", "SELECTOR", "Faults"]

FLEET = "buildkitd"
SELECTOR = f"app={FLEET}"
REPLICAS = 3

# A peer is to be given up after 20 s of silence; longer, so that it isn't the end of the silence that helps.
_SILENCE = 25.0


class Faults:
    """The faults by name, each to be called; it returns once the fleet is whole again.

    ``silenced`` has the names of pods whose packets were dropped, and when that began (``time.monotonic``).
    ``dialled`` returns the pods whose IP somebody is connected to: dropping others' packets hits nobody.
    """

    def __init__(self, cluster: Cluster, chance: random.Random, dialled: Callable[[], Sequence[str]]) -> None:
        debian.ensure("iptables")
        self._cluster = cluster
        self._chance = chance
        self._dialled = dialled
        self.silenced: list[tuple[str, float]] = []

    def by_name(self) -> Mapping[str, Callable[[], None]]:
        """Return all of them."""
        return {
            "pod deleted": self._delete,
            "pod deleted, no grace": lambda: self._delete("--grace-period=0", "--force"),
            "buildkitd killed": self._kill_buildkitd,
            "scaled 3 -> 1 -> 3": self._scale,
            "exec streams cut": self._cut_streams,
            "apiserver restarted": self._cluster.restart_apiserver,
            "packets dropped": self._silence,
        }

    def inflict(self, name: str) -> None:
        """Let one happen, and wait until all pods are ready."""
        self.by_name()[name]()
        self._cluster.wait_ready(SELECTOR, REPLICAS)

    def _any_pod(self) -> str:
        return f"{FLEET}-{self._chance.randrange(REPLICAS)}"

    def _delete(self, *arguments: str) -> None:
        self._cluster.kubectl("delete", "pod", self._any_pod(), "--wait=false", *arguments)

    def _kill_buildkitd(self) -> None:
        os.kill(self._cluster.pod_pid(self._any_pod()), signal.SIGKILL)

    def _scale(self) -> None:
        scale = ("scale", "statefulset", FLEET)
        self._cluster.kubectl(*scale, "--replicas=1")
        self._cluster.wait_ready(SELECTOR, 1)
        self._cluster.kubectl(*scale, f"--replicas={REPLICAS}")

    def _cut_streams(self) -> None:
        """Kill what exec started in a pod: the stream ends, buildkitd goes on."""
        inside = os.readlink(f"/proc/{self._cluster.pod_pid(self._any_pod())}/ns/pid")
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                same = os.readlink(f"/proc/{entry}/ns/pid") == inside
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    is_stream = b"dial-stdio" in file.read()
                if same and is_stream:
                    os.kill(int(entry), signal.SIGKILL)
            except OSError:  # it ended meanwhile
                continue

    def _silence(self) -> None:
        pod = self._chance.choice(sorted(self._dialled()) or [self._any_pod()])
        with _dropped(self._cluster.pod_ip(pod)):
            self.silenced.append((pod, time.monotonic()))
            time.sleep(_SILENCE)


@contextmanager
def _dropped(address: str) -> Iterator[None]:
    """Drop what goes to an address and what comes from it; nobody is told."""
    rules = (("OUTPUT", "-d"), ("INPUT", "-s"), ("FORWARD", "-d"), ("FORWARD", "-s"))
    done: list[tuple[str, str]] = []
    try:
        for chain, end in rules:
            _iptables("--insert", chain, end, address, "-j", "DROP")
            done.append((chain, end))
        yield
    finally:
        for chain, end in done:
            _iptables("--delete", chain, end, address, "-j", "DROP")


def _iptables(*arguments: str) -> None:
    subprocess.run(["iptables", "--wait", *arguments], check=True, capture_output=True)
