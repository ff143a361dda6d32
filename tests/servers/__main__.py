"""The command line of the test servers: build them ahead of time; a cluster to work with by hand.

`build [NAME...]` fills the cache and prints durations. `cluster-up` starts a one-node Kubernetes with
buildkitd pods that stays until `cluster-down`.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.servers import binaries, images
from tests.servers.cache import ServerError, cache_root
from tests.servers.cluster import start_cluster
from tests.servers.traces import Trace, traces

# One downloads while the other compiles.
_AT_ONCE = 2

# The longest first.
BUILDS: Mapping[str, Callable[[], Path]] = {
    "kubernetes": binaries.kubectl,
    "buildkit": binaries.buildkitd,
    "dockerfile-frontend": binaries.dockerfile_frontend,
    "buildx": binaries.buildx,
    "compose": binaries.compose,
    "containerd": binaries.containerd,
    "etcd": binaries.etcd,
    "rootlesskit": binaries.rootlesskit,
    "h2spec": binaries.h2spec,
    "gomatch": binaries.gomatch,
    "collector": binaries.collector,
    "promcheck": binaries.promcheck,
    "runc": binaries.runc,
    "busybox": binaries.busybox,
    "registry": binaries.docker_registry,
    "cni": binaries.cni_plugins,
    "docker": binaries.dockerd,
    "uidmap": lambda: binaries.newuidmap()[0],
    "squashfs": binaries.mksquashfs,
    "ext4": binaries.mkfs_ext4,
    "chromium": binaries.chromium,
    "images": lambda: [
        images.pause_tar(),
        images.busybox_tar(),
        images.buildkit_tar(),
        images.rootless_tar(),
    ][-1],
}


def main(argv: list[str]) -> int:
    """Run one command and return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    arguments = _parser().parse_args(argv)
    try:
        match arguments.command:
            case "build":
                build(arguments.names or list(BUILDS))
            case "cluster-up":
                cluster_up(arguments.directory, arguments.replicas)
            case "cluster-down":
                cluster_down()
    except ServerError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def build(names: list[str]) -> None:
    """Build the named servers; print each one's duration and path once all are there."""
    unknown = [name for name in names if name not in BUILDS]
    if unknown:
        raise ServerError(f"no such server: {', '.join(unknown)} (there are {', '.join(BUILDS)})")
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as workers:
        for line in workers.map(_timed, names):
            _say(line)


def _timed(name: str) -> str:
    started = time.monotonic()
    path = BUILDS[name]()
    return f"{name:20} {time.monotonic() - started:6.1f} s  {path}"


def cluster_up(directory: Path, replicas: int) -> None:
    """Start a cluster that stays, with a fleet on it; say how to use it."""
    if _standing():
        raise ServerError(f"a cluster is up already, in {_standing()[0].directory}; cluster-down ends it")
    if directory.exists() and any(directory.iterdir()):
        raise ServerError(f"not empty: {directory}")
    cluster = start_cluster(directory, outlive=True)
    pods = cluster.apply_buildkitd(replicas=replicas)
    _say(f"export KUBECONFIG={cluster.kubeconfig}")
    _say(f"# {binaries.kubectl()} get pods -l app=buildkitd")
    _say(f"# ready: {', '.join(pods)}; end it with: {sys.executable} -m tests.servers cluster-down")


def cluster_down() -> None:
    """End the cluster that `cluster_up` started, and remove its folder."""
    for trace in _standing():
        trace.clear()
        shutil.rmtree(trace.directory)
        _say(f"ended: {trace.directory}")


def _standing() -> list[Trace]:
    return [trace for trace in traces() if trace.kind == "cluster" and trace.owner is None]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build servers into the cache")
    building.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BUILDS)} (all when none)")
    up = commands.add_parser("cluster-up", help="start a one-node Kubernetes with buildkitd pods")
    up.add_argument(
        "--directory", type=Path, default=cache_root().parent / "cluster", help="where its files go"
    )
    up.add_argument("--replicas", type=int, default=3, help="how many buildkitd pods (default 3)")
    commands.add_parser("cluster-down", help="end that cluster")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
