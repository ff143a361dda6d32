"""Reaching the BuildKit inside a real Docker engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.address import parse_address
from router.errors import DialError
from router.fleet import FleetOptions, discover
from router.rpc.channel import Channel
from router.solve.control import Control
from router.transport import dial
from router.transport.options import DialOptions
from tests.servers.buildkitd import Buildkitd
from tests.servers.dockerd import Dockerd


def worker_labels(address: str, options: DialOptions) -> list[str]:
    """Return the executor that each worker of a daemon names."""
    with Channel(dial(parse_address(address), options), peer=address) as channel:
        records = Control(channel).list_workers(timeout=20).record
        return [record.Labels["org.mobyproject.buildkit.worker.executor"] for record in records]


def test_the_engine_of_the_environment_is_found_and_answers(dockerd: Dockerd) -> None:
    (daemon,) = discover(FleetOptions(environment=dockerd.environment)).daemons()
    assert daemon.name == "docker"
    assert len(worker_labels(str(daemon.address), DialOptions(environment=dockerd.environment))) == 1


def test_the_engine_of_a_docker_context_is_found_and_answers(dockerd: Dockerd, tmp_path: Path) -> None:
    config = {"DOCKER_CONFIG": str(tmp_path)}
    without_host = {**config, "DOCKER_HOST": ""}
    dockerd.cli("context", "create", "lab", "--docker", f"host={dockerd.host}", env=without_host)
    dockerd.cli("context", "use", "lab", env=without_host)
    (daemon,) = discover(FleetOptions(environment=config)).daemons()
    assert (daemon.name, str(daemon.address)) == ("lab", "docker://lab")
    assert len(worker_labels(str(daemon.address), DialOptions(environment=config))) == 1


def test_a_buildkitd_is_no_docker_engine(buildkitd: Buildkitd) -> None:
    with pytest.raises(DialError, match="no BuildKit from the Docker engine"):
        dial(parse_address(f"docker://?host=unix://{buildkitd.socket}"), DialOptions(timeout=5))
