"""Renewing what an auth-provider of a kubeconfig holds, by the package kubernetes, and keeping it there.

Many issuers take a refresh token once and hand out the next: tokens that were not written back would log
kubectl out. So where they can't be kept, nothing is renewed.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec

from router.errors import ToolError, UsageError
from router.extras import install_line
from router.kubernetes.auth_provider import AuthProvider, Held, held
from router.kubernetes.provider_file import can_keep, keep, locked, stored
from router.model.frozen import replace
from router.net.deadline import Deadline
from router.net.sockets import describe_os_error
from router.notation.quoting import quoted
from router.untrusted_json import NotJSONError, members, read_json, text

__all__ = ["renewed"]

_PROGRAM = os.path.join(os.path.dirname(__file__), "package_program.py")
_LOG_IN = "log in again as your cluster's administrators tell you to"
_PLUGINS = {
    "gcp": "use the credential plugin gke-gcloud-auth-plugin",
    "azure": "use the credential plugin kubelogin",
}


def renewed(provider: AuthProvider, environment: Mapping[str, str], *, timeout: float) -> Held:
    """Return a token that holds, and write what is new into the kubeconfig.

    Raises ``UsageError`` where it takes another login, the package, or rights on the file; ``ToolError``
    where the package fails, or isn't done within ``timeout`` seconds.
    """
    deadline = Deadline(timeout)
    provider = stored(provider)
    if (found := held(provider, time.time())) is not None:
        return found
    _check(provider)
    try:
        with locked(provider.path, deadline):
            provider = stored(provider)  # another process may have been faster
            return held(provider, time.time()) or _renewed(provider, environment, deadline)
    except TimeoutError as exc:
        raise ToolError(f"{_what(provider)}, and another process was renewing it for {timeout:g} s") from exc


def _renewed(provider: AuthProvider, environment: Mapping[str, str], deadline: Deadline) -> Held:
    answer = _ask(provider, environment, deadline.remaining())
    if refused := text(answer, "refused"):
        raise UsageError(f"{_what(provider)}, and the issuer refused to renew it: {refused}", hint=_LOG_IN)
    token = text(answer, "token")
    if not token:
        raise UsageError(
            f"{provider} has the auth-provider {quoted(provider.name)}, unknown to the package kubernetes",
            hint=_PLUGINS.get(provider.name, "use the credential plugin (exec) of your provider"),
        )
    changed = {name: str(value) for name, value in members(answer, "config").items()}
    if changed and can_keep(provider.path):  # tokens of gcp come anew without the old ones
        try:
            keep(provider, changed)
        except OSError as exc:
            raise UsageError(
                f"{_what(provider)}; it was renewed, but can't be written there: {describe_os_error(exc)}",
                hint=_LOG_IN,
            ) from exc
    config = {**dict(provider.config), **changed}
    # Whatever time is left of it: the next request asks again.
    return held(replace(provider, config=tuple(config.items())), 0.0) or Held(token=token)


def _what(provider: AuthProvider) -> str:
    if provider.name != "oidc":
        return f"the token (auth-provider {provider.name}) of {provider} has expired or is missing"
    state = "has expired" if provider.get("id-token") else "is missing"
    return f"the ID token (auth-provider oidc) of {provider} {state}"


def _check(provider: AuthProvider) -> None:
    """Raise ``UsageError`` where a renewal can't come to a good end."""
    if provider.name == "oidc" and not provider.get("refresh-token"):
        raise UsageError(f"{_what(provider)}, and there is no refresh token", hint=_LOG_IN)
    if find_spec("kubernetes") is None:
        raise UsageError(
            f"{_what(provider)}, and renewing it takes the package kubernetes, which is not installed",
            hint=f"{install_line('kubernetes')}; or let kubectl renew it: kubectl get pods",
        )
    if provider.name == "gcp" and not provider.get("cmd-path") and not _has_google_auth():
        raise UsageError(
            f"{_what(provider)}, and renewing it takes the package google-auth, which is not installed",
            hint=f"{install_line('gcp')}; or {_PLUGINS['gcp']}",
        )
    if provider.name == "oidc" and not can_keep(provider.path):
        raise UsageError(
            f"{_what(provider)}; it is not renewed, because the new tokens can't be written to that file",
            hint="a kubeconfig of your own that is a regular file, or a token or a service account",
        )


def _has_google_auth() -> bool:
    try:
        return find_spec("google.auth") is not None
    except ModuleNotFoundError:  # no package of google's at all
        return False


def _ask(provider: AuthProvider, environment: Mapping[str, str], timeout: float) -> object:
    from router.program import Command
    from router.running import Watch, run

    asked = json.dumps({"name": provider.name, "config": dict(provider.config)}).encode()
    command = Command(argv=(sys.executable, "-P", _PROGRAM), environment=environment, stdin=asked)
    issuer = provider.get("idp-issuer-url").rstrip("/")
    hint = f"curl -sS {issuer}/.well-known/openid-configuration" if issuer else _PLUGINS.get(provider.name)
    began = time.monotonic()
    try:
        finished = run(command, Watch(deadline=timeout))
        answer = read_json(finished.stdout.rpartition(b"\n")[2])
    except ToolError as exc:
        if time.monotonic() - began < timeout:
            raise
        raise ToolError(f"{_what(provider)}, and was not renewed within {timeout:g} s", hint=hint) from exc
    except NotJSONError as exc:
        # Of stdout nothing is told: it may be a token.
        why = replace(finished, stdout=b"").message
        raise ToolError(f"{_what(provider)}; renewing it failed: {why}", hint=hint) from exc
    if failed := text(answer, "failed"):
        raise ToolError(f"{_what(provider)}; renewing it failed: {failed[:300]}", hint=hint)
    return answer
