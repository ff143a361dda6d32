"""A fleet that fails all the time loses no build; the great storm is `python -m tests.chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.endpoints import ClientsOfEndpoints
from tests.chaos.storm import Storm
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")


def test_no_build_is_lost_and_no_result_is_wrong(
    cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path
) -> None:
    storm = Storm(cluster, tmp_path, builds=9, at_once=3, seconds=(4, 8), seed=1)
    faults = ("exec streams cut", "buildkitd killed", "apiserver restarted", "pod deleted, no grace")

    report = storm.run(faults, every=3.0)

    assert len(report.outcomes) == 9
    assert {"exec streams cut", "buildkitd killed"} <= set(report.inflicted)
    assert [(outcome, outcome.text) for outcome in report.lost + report.wrong] == []
    assert set(fleet) == set(cluster.wait_ready("app=buildkitd", 3))


def test_no_build_of_other_clients_is_lost_through_the_endpoint(
    cluster: Cluster, fleet: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    scratch = tmp_path_factory.mktemp("endpoint")
    with ClientsOfEndpoints(cluster, "app=buildkitd", scratch) as clients:
        storm = Storm(cluster, scratch, builds=6, at_once=3, seconds=(4, 8), seed=1, clients=clients)
        report = storm.run(("exec streams cut", "buildkitd killed"), every=3.0)

    assert len(report.outcomes) == 6
    assert "buildkitd killed" in report.inflicted
    assert [(outcome, outcome.text) for outcome in report.lost + report.wrong] == []
    assert set(fleet) == set(cluster.wait_ready("app=buildkitd", 3))
