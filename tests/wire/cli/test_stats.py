"""`warmroute stats` of daemons whose records are made up."""

from __future__ import annotations

import time

from router._proto import control_pb2 as pb
from tests.e2e.program import Program
from tests.wire.operations.records_server import RecordsServer, record


def test_a_daemons_escapes_are_in_no_label() -> None:
    evil: pb.BuildHistoryRecord = record("r", int(time.time()) - 60)
    evil.numCachedSteps, evil.numTotalSteps, evil.numCompletedSteps = 1, 2, 2
    evil.Exporters.add(Type="image").Attrs.update({"name": "app:1", "warmroute.key": "\x1b[2Ja\rb\x07c"})
    with RecordsServer(evil) as server:
        ran = Program(environment={"WARMROUTE_ADDR": f"a={server.daemon.address}"}).ok(
            "stats", "--by", "key", "--format", "prometheus"
        )

    assert 'warmroute_stats_builds{key="' in ran.stdout
    assert all(each.isprintable() for each in ran.stdout.splitlines())
    assert "\r" not in ran.stdout
