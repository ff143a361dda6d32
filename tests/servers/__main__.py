"""`python -m tests.servers build [NAME...]`: build servers into the cache ahead of time, with durations."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.servers import binaries
from tests.servers.cache import ServerError

BUILDS: Mapping[str, Callable[[], Path]] = {
    "buildkit": binaries.buildkitd,
    "runc": binaries.runc,
    "buildx": binaries.buildx,
    "rootlesskit": binaries.rootlesskit,
    "etcd": binaries.etcd,
    "containerd": binaries.containerd,
    "kubernetes": binaries.kubectl,
    "busybox": binaries.busybox,
    "registry": binaries.docker_registry,
    "cni": binaries.cni_plugins,
    "docker": binaries.dockerd,
    "uidmap": lambda: binaries.newuidmap()[0],
}


def main(argv: list[str]) -> int:
    """Run one command and return the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    arguments = _parser().parse_args(argv)
    try:
        return build(arguments.names or list(BUILDS))
    except ServerError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def build(names: list[str]) -> int:
    """Build the named servers, one after the other."""
    for name in names:
        started = time.monotonic()
        path = BUILDS[name]()
        sys.stdout.write(f"{name:12} {time.monotonic() - started:6.1f} s  {path}\n")
        sys.stdout.flush()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build servers into the cache")
    building.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BUILDS)} (all when none)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
