"""`build --wait`: scale from zero, and an API server that restarts meanwhile."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.kubernetes import HELLO, kubeconfig, user_with
from tests.e2e.processes import Installed
from tests.servers.cluster import Cluster, Fleet

pytestmark = pytest.mark.xdist_group("cluster")

_FLEET = Fleet(name="from-zero", replicas=0)
_BUILD = ("build", "-v", "-l", _FLEET.selector, "--key", "hello", "--progress", "plain")


@pytest.fixture
def from_zero(cluster: Cluster) -> Iterator[Cluster]:
    """A cluster with a fleet that is scaled to zero."""
    cluster.apply(_FLEET.manifest())
    yield cluster
    cluster.kubectl("delete", "statefulset", _FLEET.name, "--wait=true")
    cluster.kubectl("wait", "--for=delete", "pods", "-l", _FLEET.selector, "--timeout=60s")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "hello", HELLO)


def scale(cluster: Cluster, replicas: int) -> None:
    """Set the number of replicas."""
    cluster.kubectl("scale", "statefulset", _FLEET.name, f"--replicas={replicas}")


def installed(config: Path) -> Installed:
    """Return warmroute with a kubeconfig."""
    return Installed(environment={"KUBECONFIG": str(config)})


def test_a_build_waits_for_a_fleet_that_is_scaled_from_zero(from_zero: Cluster, context: Path) -> None:
    with installed(from_zero.kubeconfig).started(*_BUILD, "--wait", "90s", context) as build:
        build.read_until(b"waiting for up to 90 s: there are no buildkitd pods matching app=from-zero")
        scale(from_zero, 1)
        assert build.wait(90) == 0, build.output.decode()

    said = build.output.decode()
    assert "s: from-zero-0 ContainerCreating" in said
    assert "from-zero-0 is ready after " in said
    assert said.index("is ready after") < said.index("building on from-zero-0")


def test_an_api_server_that_restarts_is_waited_for_too(from_zero: Cluster, context: Path) -> None:
    with installed(from_zero.kubeconfig).started(*_BUILD, "--wait", "2m", context) as build:
        build.read_until(b"there are no buildkitd pods")
        # Away until it was missed: a restart can be over within the pause between two looks.
        with from_zero.without_apiserver():
            build.read_until(b"can't list buildkitd pods")
        scale(from_zero, 1)
        assert build.wait(120) == 0, build.output.decode()


def test_waiting_in_vain_ends_in_time_with_what_was_seen(from_zero: Cluster, context: Path) -> None:
    started = time.monotonic()
    done = installed(from_zero.kubeconfig).run(*_BUILD, "--wait", "2s", context)

    assert done.code == 69
    assert 2 <= time.monotonic() - started < 6
    assert "no buildkitd pods matching app=from-zero in namespace default; waited 2s" in done.stderr


def test_an_interruption_ends_the_waiting_at_once(from_zero: Cluster, context: Path) -> None:
    with installed(from_zero.kubeconfig).started(*_BUILD, "--wait", "10m", context) as build:
        build.read_until(b"there are no buildkitd pods")
        started = time.monotonic()
        build.signal(signal.SIGINT)
        assert build.wait(10) == 130
        assert time.monotonic() - started < 1


def test_the_right_to_list_is_enough_to_wait(from_zero: Cluster, context: Path, tmp_path: Path) -> None:
    rights = [("pods", ["list"]), ("pods/exec", ["create", "get"])]
    config = kubeconfig(from_zero, tmp_path / "config", {"user": user_with(from_zero, "waits", rights)})
    with installed(config).started(*_BUILD, "--wait", "90s", context) as build:
        build.read_until(b"can't watch buildkitd pods")
        scale(from_zero, 1)
        assert build.wait(90) == 0, build.output.decode()
