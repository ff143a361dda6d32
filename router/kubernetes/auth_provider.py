"""``auth-provider`` of a kubeconfig: what it holds, as long as that holds.

Only reads: what has expired is renewed in ``renewal``, by the package kubernetes.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import UTC, datetime

from router.errors import UsageError
from router.model.frozen import field, frozen
from router.notation.quoting import quoted
from router.untrusted_json import NotJSONError, member, read_json

__all__ = ["AuthProvider", "Held", "held", "read_provider"]

# Of the package that renews, and of client-go: a token that expires while it travels is of no use.
_MARGIN = 10.0
_REQUIRED = {"oidc": ("idp-issuer-url", "client-id")}


@frozen
class AuthProvider:
    """The auth-provider of the user ``user`` of the kubeconfig ``path``; ``config`` holds secrets."""

    name: str
    user: str
    path: str
    config: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __str__(self) -> str:
        return f"the user {quoted(self.user)} in {self.path}"

    def get(self, key: str) -> str:
        """Return a value of the config, empty where there is none."""
        return dict(self.config).get(key, "")


@frozen
class Held:
    """A token, and until when it holds; None for one that names no end."""

    token: str = field(repr=False)
    expires: datetime | None = None


def read_provider(name: str, config: Mapping[str, str], user: str, path: str) -> AuthProvider:
    """Return what a kubeconfig has. Raises UsageError where a provider that is known lacks something."""
    provider = AuthProvider(name=name, user=user, path=path, config=tuple(sorted(config.items())))
    for key in _REQUIRED.get(name, ()):
        if not config.get(key):
            raise UsageError(f"the auth-provider {name} of {provider} has no {key}")
    return provider


def held(provider: AuthProvider, now: float) -> Held | None:
    """Return the token if it holds at ``now``, which is Unix time. Raises UsageError where it is no token."""
    match provider.name:
        case "oidc":
            token = provider.get("id-token")
            expires = _expiry_of_jwt(provider, token) if token else 0.0
        case "gcp":
            token = provider.get("access-token")
            expires = _timestamp(provider.get("expiry"))
        case _:
            return None
    if not token or now + _MARGIN >= expires:
        return None
    return Held(token=token, expires=datetime.fromtimestamp(min(expires, 1 << 36), UTC))


def _expiry_of_jwt(provider: AuthProvider, token: str) -> float:
    parts = token.split(".")
    payload = parts[1] if len(parts) == 3 else ""
    try:
        claims = read_json(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, NotJSONError, ValueError):
        # Not chained: it is a secret.
        raise UsageError(f"the ID token (auth-provider oidc) of {provider} is not a JWT") from None
    expires = member(claims, "exp")
    return float(expires) if isinstance(expires, int | float) else 0.0


def _timestamp(text: str) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
