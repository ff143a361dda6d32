"""`warmroute stats` on real daemons, by what their histories have."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.processes import Installed
from tests.servers.buildkitd import start_buildkitd
from tests.servers.ports import free_port


@pytest.fixture(scope="module")
def fleet(busybox: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A daemon of its own that has built one key cold and then warm."""
    folder = tmp_path_factory.mktemp("stats")
    dockerfile = f"FROM {busybox}\nRUN echo {uuid.uuid4()}; sleep 1\nRUN true\nCOPY Dockerfile /\n"
    context = write_tree(folder / "context", {"Dockerfile": dockerfile})
    with start_buildkitd(folder / "daemon") as daemon:
        program = Installed(environment={"WARMROUTE_ADDR": f"ash={daemon.address}"})
        for _ in range(2):
            program.ok("build", "--key", "team/app", context)
        yield program


def test_a_cold_and_a_warm_build_are_told_apart(fleet: Installed) -> None:
    (row,) = fleet.ok("stats", "--by", "key", "--since", "1h", "--format", "json").json

    assert (row["key"], row["builds"], row["warm"], row["spills"]) == ("team/app", 2, 1, 0)
    assert row["warm_p50_seconds"] < row["cold_p50_seconds"]
    assert row["saved_seconds"] == pytest.approx(row["cold_p50_seconds"] - row["warm_p50_seconds"])


def test_the_table_has_a_line_for_all(fleet: Installed) -> None:
    header, row = fleet.ok("stats").stdout.splitlines()

    assert header.split()[:3] == ["BUILDS", "WARM", "WARM%"]
    assert row.split()[:3] == ["2", "1", "50%"]


def test_builds_that_exported_nothing_have_a_row_that_says_so(fleet: Installed) -> None:
    _, row = fleet.ok("stats", "--by", "image").stdout.splitlines()
    (values,) = fleet.ok("stats", "--by", "image", "--format", "json").json

    assert row.startswith("(no image)  2 ")
    assert values["image"] == ""


def test_prometheus_can_read_it(fleet: Installed) -> None:
    lines = fleet.ok("stats", "--by", "daemon", "--format", "prometheus").stdout.splitlines()

    assert 'warmroute_stats_builds{daemon="ash"} 2' in lines
    assert "# TYPE warmroute_stats_warm_share gauge" in lines
    assert 'warmroute_stats_daemons{answered="false"} 0' in lines
    line = r'(# TYPE )?warmroute_stats_\w+( gauge|\{(daemon="ash"|answered="\w+")\} [0-9.e-]+)'
    assert all(re.fullmatch(line, each) for each in lines)


def test_a_daemon_that_is_gone_hides_no_other(fleet: Installed) -> None:
    addresses = f"{fleet.environment['WARMROUTE_ADDR']},birch=tcp://127.0.0.1:{free_port()}"

    done = Installed(environment={"WARMROUTE_ADDR": addresses}).run("stats", "--format", "json")

    assert done.code == 69
    assert done.json[0]["builds"] == 2
    assert "1 of 2 daemons did not answer: birch" in done.stderr
