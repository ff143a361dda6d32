"""Connections that are fragmented and cut at random, on real daemons; more of it: `python -m tests.chaos`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.chaos.cutting import cutting_storm
from tests.servers.buildkitd import Buildkitd


def test_every_output_is_its_tree_and_no_build_is_lost(
    buildkitd_three: Sequence[Buildkitd], tmp_path: Path
) -> None:
    ports = [daemon.port for daemon in buildkitd_three if daemon.port is not None]

    report = cutting_storm(ports, tmp_path, builds=9, at_once=3, seed=1)

    assert len(report.outcomes) >= 9
    assert len(report.inflicted) >= 3
    assert report.moved >= 1
    assert [(outcome, outcome.text) for outcome in report.lost + report.wrong] == []
