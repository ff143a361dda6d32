"""moby.filesync.v1.Auth: answers the daemon's questions about registries.

Only Credentials is served. For the methods of the token authority the daemon hears UNIMPLEMENTED, upon which
it asks for credentials and fetches tokens itself.
"""

from __future__ import annotations

from typing import Protocol

from router.session.server import UnaryMethod

__all__ = ["CredentialSource", "auth"]


class CredentialSource(Protocol):
    """Who knows the passwords."""

    def credentials(self, host: str) -> tuple[str, str]:
        """Return user name and secret, both empty for a host that is not known. Raises ``RouterError``."""


def auth(source: CredentialSource) -> dict[str, UnaryMethod]:
    """Return the methods of the service."""

    def credentials(request: bytes) -> bytes:
        from router._proto.auth_pb2 import CredentialsRequest, CredentialsResponse

        username, secret = source.credentials(CredentialsRequest.FromString(request).Host)
        return CredentialsResponse(Username=username, Secret=secret).SerializeToString()

    return {"/moby.filesync.v1.Auth/Credentials": credentials}
