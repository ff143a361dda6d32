"""`warmroute doctor` on real daemons: well, greedy, frozen and refusing ones; and on pods."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from router.operations.doctor.gc import gc_policy_lines
from tests.e2e import stores
from tests.e2e.example_fleet import account, apply_example
from tests.e2e.kubernetes import NAMESPACE, SELECTOR
from tests.e2e.processes import Installed
from tests.e2e.program import Finished, Program
from tests.e2e.stores import Stores
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.cluster import Cluster
from tests.servers.dockerd import Dockerd
from tests.servers.ports import free_port

GREEDY = """
[worker.oci]
  [[worker.oci.gcpolicy]]
    filters = ["type==exec.cachemount"]
    keepDuration = "60s"
    maxUsedSpace = "100MB"
  [[worker.oci.gcpolicy]]
    all = true
    maxUsedSpace = "20GB"
"""
MENDED = gc_policy_lines("oci").partition("\n")[2]


def found(done: Finished) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the findings by their check and subject."""
    return {(each["check"], each["subject"]): each for each in done.json}


def levels(done: Finished, check: str) -> dict[str, str]:
    return {subject: each["level"] for (name, subject), each in found(done).items() if name == check}


@contextmanager
def frozen(daemon: Buildkitd) -> Iterator[None]:
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(daemon.pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def greedy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildkitd]:
    """A daemon that gives up cache mounts after a minute."""
    with start_buildkitd(tmp_path_factory.mktemp("greedy"), config=GREEDY) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def mended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildkitd]:
    """A daemon with the policy that is advised."""
    with start_buildkitd(tmp_path_factory.mktemp("mended"), config=MENDED) as daemon:
        yield daemon


def test_a_daemon_with_the_policy_that_is_advised_is_fine(mended: Buildkitd) -> None:
    done = Installed().run("doctor", f"--addr=one={mended.address}", "--format", "json")

    assert done.code == 0, done.stderr
    assert levels(done, "gc policy") == {"one": "ok"}
    assert levels(done, "disk") == {"one": "ok"}
    assert levels(done, "reach") == {"one": "ok"}
    assert "problem" not in {each["level"] for each in done.json}


def test_the_daemons_own_policy_is_noted_and_a_greedy_one_is_a_problem(
    buildkitd: Buildkitd, greedy: Buildkitd
) -> None:
    addresses = f"own={buildkitd.address},greedy={greedy.address}"

    done = Installed().run("doctor", "--addr", addresses, "--format", "json")

    assert done.code == 1
    assert "ERROR: 1 problem found" in done.stderr
    assert levels(done, "gc policy") == {"own": "note", "greedy": "problem"}
    own, theirs = found(done)["gc policy", "own"], found(done)["gc policy", "greedy"]
    assert "unused for 2 days, as soon as the whole cache exceeds 512 MB" in own["result"]
    assert "gives up cache mounts unused for 60 s" in theirs["result"]
    assert MENDED in theirs["advice"]


def test_a_frozen_daemon_and_one_that_refuses_hide_no_other_and_hold_nothing_up(
    mended: Buildkitd, greedy: Buildkitd
) -> None:
    nobody = free_port()
    addresses = f"well={mended.address},frozen={greedy.address},gone=tcp://127.0.0.1:{nobody}"

    with frozen(greedy):
        done = Installed().run("doctor", "--addr", addresses, "--connect-timeout", "2", "--format", "json")

    assert done.code == 1
    assert levels(done, "reach") == {"well": "ok", "frozen": "problem", "gone": "problem"}
    assert "did not answer in time" in found(done)["reach", "frozen"]["result"]
    assert "connection refused" in found(done)["reach", "gone"]["result"]
    assert levels(done, "gc policy") == {"well": "ok"}
    assert done.seconds < 15  # the machine's share; the deadlines are 2 s for each


def test_only_the_daemons_that_are_named_are_asked(mended: Buildkitd) -> None:
    addresses = f"well={mended.address},gone=tcp://127.0.0.1:{free_port()}"

    well = Installed().run("doctor", "--addr", addresses, "--daemon", "well", "--format", "json")
    typo = Installed().run("doctor", "--addr", addresses, "--daemon", "wel", "--format", "json")

    assert well.code == 0, well.stderr
    assert levels(well, "reach") == {"well": "ok"}
    assert levels(well, "gc policy") == {"well": "ok"}
    assert found(well)["fleet", ""]["result"] == "2 daemons"
    assert (typo.code, levels(typo, "reach")) == (1, {})
    assert found(typo)["fleet", ""]["result"].startswith('no daemon named "wel" among the ')


def test_one_daemon_under_two_names_is_found(mended: Buildkitd) -> None:
    addresses = f"one={mended.address},two={mended.unix_address}"

    done = Installed().run("doctor", "--addr", addresses, "--format", "json")

    assert done.code == 1
    assert "one and two have the same worker" in found(done)["identities", ""]["result"]


def test_a_cache_mount_on_two_daemons_is_found(busybox: str, tmp_path: Path) -> None:
    with stores.started(tmp_path, ("ash", "birch"), busybox) as fleet:
        _fill(fleet)

        done = fleet.warmroute("doctor", "--format", "json")

    mount = found(done)["cache mounts", "go-build"]
    assert mount["level"] == "note"
    assert mount["result"].startswith("on 2 daemons: ash (")
    assert levels(done, "clock") == {"ash": "ok", "birch": "ok"}
    # Both have a build of this machine.
    assert found(done)["clock", "ash"]["result"] == "neither ahead of ours nor behind"


def _fill(fleet: Stores) -> None:
    for name in ("ash", "birch"):
        fleet.build(name, size=500_000)


def test_what_is_wrong_is_told_to_people_with_what_to_do(greedy: Buildkitd) -> None:
    done = Installed().run("doctor", f"--addr=one={greedy.address}")

    assert done.code == 1
    assert "ok       reach one: answers in" in done.stdout
    assert "problem  gc policy one: gives up cache mounts" in done.stdout
    assert "           [[worker.oci.gcpolicy]]\n" in done.stdout
    assert done.stdout.rstrip().endswith("1 problem")


def test_a_configuration_that_is_wrong_is_a_finding_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "warmroute").mkdir()
    file = tmp_path / "warmroute" / "config.toml"
    file.write_text('[fleet.ci]\nselektor = "app=x"\n')

    done = Installed(environment={"XDG_CONFIG_HOME": str(tmp_path)}).run("doctor", "--format", "json")
    file.write_text('[fleet.ci]\ntls-dir = "gone"\n')
    named = Installed(environment={"XDG_CONFIG_HOME": str(tmp_path)}).run(
        "doctor", "--fleet", "ci", "--format", "json"
    )

    (finding,) = done.json
    assert (done.code, finding["check"], finding["level"]) == (1, "config", "problem")
    assert finding["result"] == f'{file}:2: unknown key "selektor" in [fleet.ci]'
    assert finding["advice"] == "did you mean selector?"
    (of_option,) = named.json
    assert f"--tls-dir comes from {file}:2" in of_option["advice"]


def test_a_fleet_that_names_no_daemon_is_told_among_the_checks() -> None:
    done = Installed(environment={"DOCKER_HOST": "tcp://127.0.0.1:1"}).run(
        "doctor", "--selector", "app=x", "--kubeconfig", "/nonexistent", "--format", "json"
    )

    assert done.code == 1
    assert levels(done, "kubeconfig") == {"": "problem"}
    assert levels(done, "fleet") == {"": "problem"}


@pytest.mark.xdist_group("cluster")
def test_pods_are_reached_every_way_and_the_rights_are_there(
    fleet: tuple[str, ...], program: Program
) -> None:
    done = program.run("doctor", "--selector", SELECTOR, "--format", "json")

    assert levels(done, "reach") == dict.fromkeys(fleet, "ok")
    for pod in fleet:
        assert "by exec: " in found(done)["reach", pod]["result"]
        assert "by port-forward: " in found(done)["reach", pod]["result"]
    assert found(done)["rights", ""]["result"] == "pods can be reached by exec and port-forward"
    assert levels(done, "kubeconfig") == dict.fromkeys(levels(done, "kubeconfig"), "ok")
    assert found(done)["clock", ""]["level"] == "ok"


@pytest.mark.xdist_group("cluster")
def test_an_account_with_few_rights_hears_which_it_lacks(cluster: Cluster, tmp_path: Path) -> None:
    apply_example(cluster, "base.yaml", "client.yaml")
    limited = account(cluster, tmp_path)
    where = ("--selector", SELECTOR, "--namespace", NAMESPACE, "--format", "json")

    by_exec = limited.run("doctor", *where, "--via", "exec")
    by_forward = limited.run("doctor", *where, "--via", "port-forward")

    assert found(by_exec)["rights", ""]["level"] == "ok"
    lacking = found(by_forward)["rights", ""]
    assert lacking["result"] == (
        f"missing in namespace {NAMESPACE}: create pods/portforward, get pods/portforward"
    )
    assert "resources: [pods/portforward], verbs: [create, get]" in lacking["advice"]
    assert by_forward.code == 1


def test_the_buildkit_of_a_docker_engine_is_examined_as_far_as_it_answers(dockerd: Dockerd) -> None:
    done = Installed(environment=dockerd.environment).run("doctor", "--format", "json")

    (engine,) = levels(done, "reach")
    assert levels(done, "reach") == {engine: "ok"}
    assert levels(done, "versions") == {}  # it doesn't tell
    assert set(levels(done, "disk")) == {engine}
    assert "daemon.json" in found(done)["gc policy", engine]["advice"]
    assert done.code == 0, done.stderr
