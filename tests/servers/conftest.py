"""The servers' own fixtures, for their own tests."""

from __future__ import annotations

from tests.servers.fixtures import cluster, dockerd, private_registry, registry

__all__ = ["cluster", "dockerd", "private_registry", "registry"]
