"""moby.filesync.v1.Auth: answers the daemon's questions about registries.

For a registry with bearer tokens the daemon asks GetTokenAuthority first. If it gets a key, it asks for
tokens (FetchToken) and never sees a password; it may use a token from an earlier build if this session proves
(VerifyTokenAuthority) that it belongs to the same user. Without a key, and for basic authentication, it asks
Credentials.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from router.errors import RouterError
from router.notation.varint import integer_field
from router.rpc.grpc import Status
from router.rpc.protobuf import field
from router.session.requests import RequestFields
from router.session.server import CallRefused, UnaryMethod

if TYPE_CHECKING:
    from router.providers.registry_token import Token, TokenRequest

__all__ = ["RegistrySource", "auth"]

_SERVICE = "/moby.filesync.v1.Auth"
# The longest DNS name, and a port.
_MOST_HOST = 253 + 6


class RegistrySource(Protocol):
    """Knows the logins. Every method may raise ``RouterError``."""

    @property
    def fetches_tokens(self) -> bool:
        """Whether tokens are fetched on this machine."""

    def credentials(self, host: str, /) -> tuple[str, str]:
        """Return user name and secret, both empty for an unknown host."""

    def fetch_token(self, request: TokenRequest, /) -> Token:
        """Get a bearer token. Raises ``TokenError`` as well."""

    def public_key(self, host: str, salt: bytes, /) -> bytes:
        """Return the key by which the daemon tells users' tokens apart."""

    def sign(self, host: str, salt: bytes, payload: bytes, /) -> bytes:
        """Return a message signed with that key."""


def auth(source: RegistrySource) -> dict[str, UnaryMethod]:
    """Return the methods of the service."""

    def credentials(request: bytes) -> bytes:
        host = _host(RequestFields(request), 1)
        with _in_few_words():
            username, secret = source.credentials(host)
        return field(1, username) + field(2, secret)

    def fetch_token(request: bytes) -> bytes:
        from router.providers.registry_token import TokenError, TokenRequest

        asked = RequestFields(request)
        wanted = TokenRequest(
            host=_host(asked, 2), realm=asked.text(3), service=asked.text(4), scopes=asked.texts(5)
        )
        try:
            with _in_few_words():
                token = source.fetch_token(wanted)
        except TokenError as exc:
            # Not a failure on this side: the daemon may do without a token; if it can't, it says what it was
            # for.
            raise CallRefused(Status.UNKNOWN, f"no token for {wanted.host}: {exc.status}") from exc
        return field(1, token.value) + integer_field(2, token.expires_in) + integer_field(3, token.issued_at)

    def get_token_authority(request: bytes) -> bytes:
        if not source.fetches_tokens:
            raise CallRefused(Status.UNAVAILABLE, "tokens are not fetched by this client")
        asked = RequestFields(request)
        host = _host(asked, 1)
        with _in_few_words():
            return field(1, source.public_key(host, asked.data(2)))

    def verify_token_authority(request: bytes) -> bytes:
        if not source.fetches_tokens:
            raise CallRefused(Status.UNAVAILABLE, "tokens are not fetched by this client")
        asked = RequestFields(request)
        host = _host(asked, 1)
        with _in_few_words():
            return field(1, source.sign(host, asked.data(3), asked.data(2)))

    return {
        f"{_SERVICE}/Credentials": credentials,
        f"{_SERVICE}/FetchToken": fetch_token,
        f"{_SERVICE}/GetTokenAuthority": get_token_authority,
        f"{_SERVICE}/VerifyTokenAuthority": verify_token_authority,
    }


@contextmanager
def _in_few_words() -> Iterator[None]:
    """Keep the cause for the user: file names and credential helpers' output are not the daemon's
    business."""
    try:
        yield
    except RouterError as exc:
        raise CallRefused(Status.UNKNOWN, "the client failed to look up the login", exc) from exc


def _host(asked: RequestFields, number: int) -> str:
    host = asked.text(number)
    if len(host) > _MOST_HOST:
        raise CallRefused(Status.INVALID_ARGUMENT, "the registry's name is too long")
    return host
