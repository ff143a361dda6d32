"""Routed builds on real pods, beside what BuildKit's own example does by hand.

The peer is a shell pipeline: `kubectl get pods`, BuildKit's example program for consistent hashing, and
`buildctl` on the pod that it names, by `kube-pod://` (kubectl exec) or by the pod's IP.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import trees
from benchmarks.tools import Run, measure, median
from tests.servers import binaries
from tests.servers.cluster import Cluster

__all__ = ["rows"]

_KEY = "registry.example.com/team/app"
_SELECTOR = "app=routed"
_TEMPLATE = '{{range .items}}{{.metadata.name}} {{.status.podIP}}{{"\\n"}}{{end}}'

Argv = Sequence[str]


def rows(cluster: Cluster, program: Path, scratch: Path, turns: int) -> list[str]:
    """Measure, and return the rows of a table: the work, warmroute, the pipeline, and the ratio."""
    cluster.apply_buildkitd("routed", replicas=3)
    small = trees.small(scratch / "small")
    large = trees.large_file(scratch / "large", megabytes=512)
    environment = _environment(cluster)
    return [
        _row(
            "routed cached build, exec",
            _cached(
                _warmroute(program, small, "exec"), _pipeline(small, "kube-pod://$POD"), environment, turns
            ),
        ),
        _row(
            "routed cached build, pod IP",
            _cached(
                _warmroute(program, small, "pod-ip"), _pipeline(small, "tcp://$IP:1234"), environment, turns
            ),
        ),
        _row(
            "first send of one 512 MB file, exec",
            _large(cluster, lambda via: _warmroute(program, large, via), large, environment, min(turns, 5)),
        ),
    ]


def _environment(cluster: Cluster) -> Mapping[str, str]:
    # buildctl starts kubectl by its name.
    path = f"{binaries.kubectl().parent}:{os.environ['PATH']}"
    return {"KUBECONFIG": str(cluster.kubeconfig), "PATH": path}


def _warmroute(program: Path, context: Path, via: str) -> Argv:
    routing = ("--selector", _SELECTOR, "--key", _KEY, "--via", via)
    return (str(program), "build", *routing, "--progress", "plain", str(context))


def _pipeline(context: Path, address: str) -> Argv:
    build = (
        "--frontend",
        "dockerfile.v0",
        "--local",
        f"context={context}",
        "--local",
        f"dockerfile={context}",
    )
    script = f"""
        set -eu
        pods=$(kubectl get pods --selector={_SELECTOR} --field-selector=status.phase=Running \
            -o=go-template --template={shlex.quote(_TEMPLATE)} --sort-by='{{.metadata.name}}')
        POD=$(echo "$pods" | cut -d' ' -f1 | {binaries.consistenthash()} {_KEY})
        IP=$(echo "$pods" | grep "^$POD " | cut -d' ' -f2)
        {binaries.buildctl()} --addr "{address}" build --progress plain {shlex.join(build)}
    """
    return ("sh", "-c", script)


def _cached(ours: Argv, theirs: Argv, environment: Mapping[str, str], turns: int) -> tuple[Run, Run]:
    runs: dict[Argv, list[Run]] = {ours: [], theirs: []}
    for turn in range(turns + 1):
        for argv, found in runs.items():
            run = measure(argv, environment)
            if turn:
                found.append(run)
    return median(runs[ours]), median(runs[theirs])


def _large(
    cluster: Cluster, ours: Callable[[str], Argv], context: Path, environment: Mapping[str, str], turns: int
) -> tuple[Run, Run]:
    """Each send goes to pods that were just made: nothing of the file is there."""
    found: tuple[list[Run], list[Run]] = ([], [])
    for _ in range(turns):
        for argv, runs in zip((ours("exec"), _pipeline(context, "kube-pod://$POD")), found, strict=True):
            cluster.kubectl("delete", "pods", "--selector", _SELECTOR, "--wait=true")
            cluster.wait_ready(_SELECTOR, 3)
            runs.append(measure(argv, environment))
    return median(found[0]), median(found[1])


def _row(title: str, runs: tuple[Run, Run]) -> str:
    ours, theirs = runs
    cells = [f"{run.wall:.2f} s, {run.cpu:.2f} cpu, {run.peak:.0f} MB" for run in runs]
    return f"| {title} | {' | '.join(cells)} | {ours.wall / theirs.wall:.2f} x |"
