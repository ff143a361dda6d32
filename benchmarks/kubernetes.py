"""Benchmarks on a real Kubernetes: a table in Markdown, medians.

    python -m benchmarks.kubernetes [--turns 20]

A cluster of one node is started for it. A fleet of 200 pods is one of API objects: they are read as any pods
are, and nothing runs in them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.routed import rows
from benchmarks.tools import Run, installed, measure
from tests.servers import binaries
from tests.servers.cluster import Cluster, start_cluster

_KEY = "registry.example.com/team/app"
_SMALL, _LARGE = 3, 200


def _fleet(cluster: Cluster, size: int, sibling: object) -> str:
    """Create ready pods that no node runs, with all that a real one has; return their namespace."""
    namespace = f"fleet-{size}"
    cluster.kubectl("create", "namespace", namespace)
    pods = [_pod(json.loads(json.dumps(sibling)), f"buildkitd-{number}", namespace) for number in range(size)]
    listing = json.dumps({"apiVersion": "v1", "kind": "List", "items": pods})
    cluster.kubectl("create", "--filename=-", input=listing, within=300)
    cluster.kubectl("replace", "--subresource=status", "--filename=-", input=listing, within=300)
    return namespace


def _pod(pod: dict[str, dict[str, object]], name: str, namespace: str) -> dict[str, object]:
    meta = {"name": name, "namespace": namespace, "labels": pod["metadata"]["labels"]}
    spec = {
        key: value for key, value in pod["spec"].items() if key not in {"nodeName", "hostname", "subdomain"}
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {**spec, "schedulerName": "nobody"},
        "status": pod["status"],
    }


def _where(cluster: Cluster, program: Path, namespace: str) -> Run:
    argv = (str(program), "where", _KEY, "--selector", "app=buildkitd", "--namespace", namespace)
    return measure(argv, {"KUBECONFIG": str(cluster.kubeconfig)})


def _get(cluster: Cluster, namespace: str) -> Run:
    argv = (str(binaries.kubectl()), "get", "pods", "-l", "app=buildkitd", "-n", namespace, "-o", "json")
    return measure(argv, {"KUBECONFIG": str(cluster.kubeconfig)})


def _row(title: str, runs: Sequence[Run]) -> str:
    wall = statistics.median(run.wall for run in runs)
    cpu = statistics.median(run.cpu for run in runs)
    return f"| {title} | {wall * 1000:.0f} ms | {cpu * 1000:.0f} ms |"


def _fleets(cluster: Cluster, program: Path, turns: int) -> list[str]:
    """Measure `where` on fleets of two sizes; return a table."""
    cluster.apply_buildkitd(replicas=1)
    sibling = cluster.pods("app=buildkitd")[0]
    fleets = {size: _fleet(cluster, size, sibling) for size in (_SMALL, _LARGE)}
    runs: dict[str, list[Run]] = {}
    for turn in range(turns + 1):
        for size, namespace in fleets.items():
            measured = {
                f"`warmroute where`, {size} pods": _where(cluster, program, namespace),
                f"`kubectl get pods -o json`, {size} pods": _get(cluster, namespace),
            }
            for title, run in measured.items():
                if turn:
                    runs.setdefault(title, []).append(run)
    return [
        "| work | wall | cpu |",
        "|---|---|---|",
        *(_row(title, runs[title]) for title in sorted(runs, reverse=True)),
    ]


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kubernetes", description=__doc__)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--only", choices=("fleets", "routed"))
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="wb-") as directory,
        start_cluster(Path(directory) / "cluster") as cluster,
    ):
        program = installed(Path(directory) / "venv")
        if given.only != "routed":
            print("\n".join(_fleets(cluster, program, given.turns)), flush=True)
        if given.only != "fleets":
            head = ["| work | warmroute | pipeline | ratio |", "|---|---|---|---|"]
            print("\n".join(["", *head, *rows(cluster, program, Path(directory), given.turns)]))


if __name__ == "__main__":
    main()
