"""``auth-provider: oidc`` of a kubeconfig: the ID token that kubectl keeps there.

A token that still holds is used. One that has expired is not renewed here: that takes the issuer's token
endpoint, and writing the new tokens back into the kubeconfig, which kubectl does whenever it is run.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping

from router.errors import UsageError
from router.model.frozen import field, frozen
from router.untrusted_json import NotJSONError, member, read_json

__all__ = ["OidcToken", "read_provider", "token_of"]

# client-go's own; a token that expires while it travels is of no use.
_MARGIN = 10.0
_REMOVED = {
    "gcp": "use the credential plugin gke-gcloud-auth-plugin",
    "azure": "use the credential plugin kubelogin",
}


@frozen
class OidcToken:
    """A user's ID token; ``owner`` names user and file in messages, ``renewable``: kubectl can renew it."""

    owner: str
    id_token: str = field(default="", repr=False)
    renewable: bool = False


def read_provider(name: str, config: Mapping[str, str], owner: str) -> OidcToken:
    """Return what an auth-provider has. Raises UsageError for any but oidc, and for what oidc lacks."""
    if name != "oidc":
        removed = name in _REMOVED
        why = "which Kubernetes has removed" if removed else "and oidc is the only one that there is"
        raise UsageError(
            f"{owner} has the auth-provider {name!r}, {why}",
            hint=_REMOVED.get(name, "use the credential plugin (exec) of your provider"),
        )
    for key in ("idp-issuer-url", "client-id"):
        if not config.get(key):
            raise UsageError(f"the auth-provider oidc of {owner} has no {key}")
    return OidcToken(
        owner=owner, id_token=config.get("id-token", ""), renewable=bool(config.get("refresh-token"))
    )


def token_of(oidc: OidcToken, now: float) -> str:
    """Return the ID token if it holds at ``now``, which is Unix time. Raises UsageError."""
    if oidc.id_token and now + _MARGIN < _expiry(oidc):
        return oidc.id_token
    what = "has expired" if oidc.id_token else "is missing"
    if oidc.renewable:
        raise UsageError(
            f"the ID token (auth-provider oidc) of {oidc.owner} {what}, and warmroute can't renew it",
            hint="kubectl renews it with the refresh token: run kubectl get pods, then build again",
        )
    raise UsageError(
        f"the ID token (auth-provider oidc) of {oidc.owner} {what}, and there is no refresh token",
        hint="log in again as your cluster's administrators tell you to",
    )


def _expiry(oidc: OidcToken) -> float:
    """Return the time in a token's claims. Raises UsageError where it is no JWT."""
    parts = oidc.id_token.split(".")
    payload = parts[1] if len(parts) == 3 else ""
    try:
        claims = read_json(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (binascii.Error, NotJSONError, ValueError):
        # Not chained: it is a secret.
        raise UsageError(f"the ID token (auth-provider oidc) of {oidc.owner} is no JWT") from None
    expires = member(claims, "exp")
    return float(expires) if isinstance(expires, int | float) else 0.0
