"""Count what a fleet that fails does to builds: `python -m tests.chaos [--builds 60] [--seed 1]`.

Starts a cluster of its own, and prints every build that was lost or went wrong, with what it said. Before it
come as many builds on two daemons behind proxies that cut; `--builds 60 "connection cut"` runs these alone.
`--endpoint` has buildctl and buildx build through `warmroute serve` on the cluster instead.
"""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.cutting import cutting_storm
from tests.chaos.endpoints import ClientsOfEndpoints
from tests.chaos.faults import FLEET, REPLICAS, SELECTOR
from tests.chaos.storm import Report, Storm
from tests.servers.buildkitd import start_buildkitd
from tests.servers.cluster import start_cluster

_CUT = "connection cut"


def main() -> int:
    """Run a storm; exit 1 where a build was lost or has a wrong result."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--builds", type=int, default=60)
    parser.add_argument("--at-once", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--every", type=float, default=8.0, help="seconds between two faults")
    parser.add_argument("--endpoint", action="store_true", help="buildctl and buildx, by warmroute serve")
    parser.add_argument("faults", nargs="*", help="only these, by name")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wc-") as directory:
        bad = 0 if given.endpoint else _cut(Path(directory), given)
    if given.faults == [_CUT]:
        return bad
    with (
        tempfile.TemporaryDirectory(prefix="wc-") as directory,
        start_cluster(Path(directory) / "cluster") as cluster,
        ExitStack() as opened,
    ):
        cluster.apply_buildkitd(FLEET, replicas=REPLICAS)
        endpoints = ClientsOfEndpoints(cluster, SELECTOR, Path(directory)) if given.endpoint else None
        storm = Storm(
            cluster,
            Path(directory),
            builds=given.builds,
            at_once=given.at_once,
            seconds=(10, 20),
            seed=given.seed,
            clients=None if endpoints is None else opened.enter_context(endpoints),
        )
        report = storm.run([name for name in given.faults if name != _CUT], every=given.every)
    _tell(report)
    print(f"longest time to notice a dead peer: {report.longest_silence:.1f} s")
    return 1 if bad or report.lost or report.wrong else 0


def _cut(scratch: Path, given: argparse.Namespace) -> int:
    """Run the builds whose connections are cut; return 1 where one was lost or has a wrong result."""
    if given.faults and _CUT not in given.faults:
        return 0
    with (
        start_buildkitd(scratch / "a", unix=False) as one,
        start_buildkitd(scratch / "b", unix=False) as two,
    ):
        ports = [daemon.port for daemon in (one, two) if daemon.port]
        report = cutting_storm(ports, scratch, builds=given.builds, at_once=given.at_once, seed=given.seed)
    _tell(report)
    return 1 if report.lost or report.wrong else 0


def _tell(report: Report) -> None:
    for outcome in report.lost + report.wrong:
        print(f"--- {outcome}\n{outcome.text}")
    faults = collections.Counter(report.inflicted)
    print(f"faults: {', '.join(f'{count} x {name}' for name, count in sorted(faults.items()))}")
    print(f"builds: {len(report.outcomes)}, of which {report.moved} needed more than one attempt")
    print(f"lost: {len(report.lost)}; wrong: {len(report.wrong)}")


if __name__ == "__main__":
    sys.exit(main())
