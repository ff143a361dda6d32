"""moby.buildkit.secrets.v1: gives a step the secrets that this build names, and no others."""

from __future__ import annotations

from typing import Protocol

from router.rpc.grpc import Status
from router.rpc.protobuf import field
from router.session.requests import RequestFields
from router.session.server import CallRefused, UnaryMethod

__all__ = ["SecretSource", "secrets"]


class SecretSource(Protocol):
    """Where the values come from."""

    def get(self, secret_id: str) -> bytes | None:
        """Return the value, None if there is no such secret. Raises ``RouterError``."""


def secrets(source: SecretSource) -> dict[str, UnaryMethod]:
    """Return the methods of the service."""

    def get_secret(request: bytes) -> bytes:
        name = RequestFields(request).text(1)
        value = source.get(name)
        if value is None:
            # The daemon looks for this code: a secret that is not required may be missing.
            raise CallRefused(Status.NOT_FOUND, f"secret {name}: not found")
        return field(1, value)

    return {"/moby.buildkit.secrets.v1.Secrets/GetSecret": get_secret}
