"""What end-to-end tests share: the servers, each started once for a process, and builders for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from router import RouterConfig
from tests.addressed import addressed
from tests.e2e.builder import Builder, small_busybox
from tests.e2e.kubernetes import fleet, program
from tests.servers.buildkitd import Buildkitd
from tests.servers.fixtures import buildkitd, buildkitd_three, cluster, dockerd, private_registry, registry
from tests.servers.registry import Registry

__all__ = [
    "buildkitd",
    "buildkitd_three",
    "cluster",
    "dockerd",
    "fleet",
    "private_registry",
    "program",
    "registry",
]


@pytest.fixture
def builder(buildkitd: Buildkitd, tmp_path: Path) -> Builder:
    """The native backend on one daemon."""
    return native(buildkitd, tmp_path)


@pytest.fixture(scope="session")
def busybox(registry: Registry) -> str:
    """The reference of a base image for RUN, in the registry that lets everybody in."""
    return registry.push(small_busybox(), "busybox")


def native(daemon: Buildkitd, scratch: Path) -> Builder:
    """Return the native backend on one daemon."""
    return Builder(
        config=RouterConfig(addresses=addressed(("one", daemon.address)), key="test"), scratch=scratch
    )
