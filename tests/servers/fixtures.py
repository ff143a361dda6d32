"""Pytest fixtures: one server of each kind for a whole session, started when a test first asks for it.

Each process has its own; tests that share a costly one are kept in one process by `xdist_group`. A server
that can't be built or started is an error, never a skip.

A test that breaks a server (kills, freezes, reconfigures) starts its own with the functions these call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.cluster import Cluster, start_cluster
from tests.servers.dockerd import Dockerd, start_dockerd
from tests.servers.registry import Registry, start_registry


@pytest.fixture(scope="session")
def buildkitd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildkitd]:
    """One buildkitd, on TCP and unix."""
    with start_buildkitd(tmp_path_factory.mktemp("buildkitd")) as daemon:
        yield daemon


@pytest.fixture(scope="session")
def buildkitd_three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Buildkitd, ...]]:
    """Three buildkitd side by side, each on TCP and unix."""
    with ExitStack() as daemons:
        yield tuple(
            daemons.enter_context(start_buildkitd(tmp_path_factory.mktemp("buildkitd"))) for _ in range(3)
        )


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that lets everybody in."""
    with start_registry(tmp_path_factory.mktemp("registry")) as server:
        yield server


@pytest.fixture(scope="session")
def private_registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that wants a user and a password."""
    with start_registry(tmp_path_factory.mktemp("registry"), "builder", "correct horse") as server:
        yield server


@pytest.fixture(scope="session")
def dockerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    """A Docker engine without images."""
    with start_dockerd(tmp_path_factory.mktemp("dockerd")) as engine:
        yield engine


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A one-node Kubernetes without pods; `apply_buildkitd` puts a fleet on it."""
    with start_cluster(tmp_path_factory.mktemp("cluster")) as kubernetes:
        yield kubernetes
