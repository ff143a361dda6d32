"""A program of its own: has the package kubernetes renew what an auth-provider of a kubeconfig holds.

Run by its path, in an interpreter of its own: the package has no deadline, takes half a second to import, and
reads the process's environment; an interpreter can be given one and be killed. Imports nothing of warmroute.

On stdin ``{"name": ..., "config": {...}}``, on the last line of stdout one of ``{"unknown": true}``,
``{"refused": why}``, ``{"failed": why}``, ``{"token": ..., "config": {what changed}}``.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
from typing import Any

__all__: list[str] = []

# The package renews an ID token that has expired, and takes one that is missing for an error.
_EXPIRED = "e30.eyJleHAiOjF9.e30"


def _renewed(name: str, config: dict[str, str]) -> dict[str, Any]:
    import certifi
    import kubernetes
    from oauthlib.oauth2 import OAuth2Error

    package: Any = kubernetes  # half of it is annotated
    before = dict(config)
    if name == "oidc":
        config["id-token"] = _EXPIRED
        config.setdefault("client-secret", "")
        if not config.get("idp-certificate-authority-data"):
            # Without one the package would trust anybody who says where the refresh token is to be sent.
            system = ssl.get_default_verify_paths().cafile or certifi.where()
            config.setdefault("idp-certificate-authority", system)
    sent = dict(config)
    found = package.client.Configuration()
    try:
        package.config.load_kube_config_from_dict(
            _kubeconfig(name, config), client_configuration=found, persist_config=False
        )
    except OAuth2Error as exc:
        return {"refused": ": ".join(filter(None, (exc.error, exc.description)))}
    except Exception as exc:  # noqa: BLE001 - whatever it is, the caller tells it
        return {"failed": f"{type(exc).__name__}: {exc}"}
    token = next(iter(found.api_key.values()), "").removeprefix("Bearer ")
    if token == _EXPIRED:
        return {"failed": "its discovery document can't be read, or it doesn't know the client"}
    if not token:
        return {"unknown": True}
    changed = {key: value for key, value in config.items() if value not in (sent.get(key), before.get(key))}
    return {"token": token, "config": changed}


def _kubeconfig(name: str, config: dict[str, str]) -> dict[str, Any]:
    user = {"auth-provider": {"name": name, "config": config}}
    return {
        "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": "https://localhost"}}],
        "users": [{"name": "it", "user": user}],
    }


if __name__ == "__main__":
    # What a package prints, before or meanwhile, must not be taken for a part of the answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answer:
        os.dup2(2, 1)
        asked = json.load(sys.stdin)  # noqa: TID251 -- it was written by the process that waits for the answer
        answer.write("\n" + json.dumps(_renewed(asked["name"], asked["config"])))
