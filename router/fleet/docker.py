"""The local Docker engine, whose embedded BuildKit makes a fleet of one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from router.docker.endpoint import DEFAULT_HOST, DockerEndpoint, find_endpoint
from router.model.address import DockerAddress
from router.model.daemon import NOT_ASKED, Daemon

__all__ = ["DockerFleet"]


class DockerFleet:
    """The engine that the docker command would use with this environment.

    Raises UsageError where the docker context that it names does not exist.
    """

    hint: str | None = "docker info"

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.endpoint: DockerEndpoint = find_endpoint(environment)

    @property
    def exists(self) -> bool:
        """Whether something names an engine, or the default socket is there. Nothing is connected."""
        default = self.endpoint.host == DEFAULT_HOST and self.endpoint.context is None
        return not default or os.path.exists(DEFAULT_HOST.removeprefix("unix://"))

    def daemons(self) -> Sequence[Daemon]:
        """Return the one engine; whether it answers shows when it is dialled."""
        endpoint = self.endpoint
        address = DockerAddress(
            context=endpoint.context, endpoint=None if endpoint.context is not None else endpoint.host
        )
        return (Daemon(name=endpoint.context or "docker", address=address, state=NOT_ASKED),)

    def describe(self) -> str:
        """Name the engine and who named it."""
        return f"the Docker engine at {self.endpoint.host} ({self.endpoint.source})"
