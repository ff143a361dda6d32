"""Credentials for a Kubernetes API server: tokens, token files, and what credential plugins print.

A plugin's answer is kept within this process until it expires, as kubectl does.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from router.errors import ToolError, UsageError
from router.model.frozen import field, frozen
from router.transport.kubeconfig import ExecPlugin, KubeTarget
from router.transport.sockets import describe_os_error

__all__ = ["Credentials", "credentials_for"]

# A token that expires while it travels is of no use.
_MARGIN = timedelta(seconds=10)


@frozen
class Credentials:
    """Headers for every request, and the client's certificate and key in PEM form; none in the repr."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    cert: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)


def credentials_for(target: KubeTarget, environment: Mapping[str, str], *, timeout: float) -> Credentials:
    """Return what to show the API server.

    Raises ToolError where a credential plugin is missing or fails, UsageError where a token file can't be
    read.
    """
    user = target.user
    if user.plugin is not None:
        return _from_plugin(target, user.plugin, environment, timeout)
    authorization = None
    if user.token_file is not None:
        # Read each time: in a pod the kubelet renews it.
        authorization = f"Bearer {_read_token(user.token_file)}"
    elif user.token is not None:
        authorization = f"Bearer {user.token}"
    elif user.basic is not None:
        authorization = f"Basic {base64.b64encode(':'.join(user.basic).encode()).decode()}"
    return Credentials(headers=_headers(authorization, target), cert=user.cert, key=user.key)


def _headers(authorization: str | None, target: KubeTarget) -> tuple[tuple[str, str], ...]:
    own = (("Authorization", authorization),) if authorization else ()
    return own + target.user.impersonate


def _read_token(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except (OSError, UnicodeDecodeError) as exc:
        why = describe_os_error(exc) if isinstance(exc, OSError) else "it is not text"
        raise UsageError(f"can't read the token file {path}: {why}") from exc


# What plugins answered, and until when it holds; the lock also keeps one from running twice at once.
_answers: dict[tuple[ExecPlugin, str], tuple[Credentials, datetime | None]] = {}
_answering = threading.Lock()


def _from_plugin(
    target: KubeTarget, plugin: ExecPlugin, environment: Mapping[str, str], timeout: float
) -> Credentials:
    key = (plugin, target.server)
    with _answering:
        kept, expires = _answers.get(key, (None, None))
        if kept is not None and (expires is None or datetime.now(UTC) + _MARGIN < expires):
            return kept
        status = _run_plugin(target, plugin, environment, timeout)
        token, cert, key_pem = (
            status.get(name) for name in ("token", "clientCertificateData", "clientKeyData")
        )
        if not token and not (cert and key_pem):
            raise _failed(plugin, "it gave neither a token nor a certificate")
        credentials = Credentials(
            headers=_headers(f"Bearer {token}" if token else None, target),
            cert=str(cert).encode() if cert else None,
            key=str(key_pem).encode() if key_pem else None,
        )
        _answers[key] = (credentials, _expiry(plugin, status))
        return credentials


def _run_plugin(
    target: KubeTarget, plugin: ExecPlugin, environment: Mapping[str, str], timeout: float
) -> Mapping[str, object]:
    if plugin.needs_terminal:
        raise _failed(plugin, "it has to ask on a terminal (interactiveMode: Always)")
    from router.process import Command, Watch, run

    command = Command(
        argv=(plugin.command, *plugin.args),
        environment={
            **environment,
            **dict(plugin.environment),
            "KUBERNETES_EXEC_INFO": json.dumps(_exec_info(target, plugin)),
        },
        hint=plugin.install_hint,
    )
    finished = run(command, Watch(deadline=timeout))
    if finished.returncode != 0:
        raise _failed(plugin, finished.message)
    try:
        answer = json.loads(finished.stdout)
        status = answer["status"]
        version = answer["apiVersion"]
    except (ValueError, KeyError, TypeError):
        # Without the cause: its message quotes what was printed, which may be a token.
        raise _failed(plugin, "what it printed is no ExecCredential with a status") from None
    if version != plugin.api_version:
        raise _failed(plugin, f"it speaks {version}, the kubeconfig says {plugin.api_version}")
    return status if isinstance(status, dict) else {}


def _exec_info(target: KubeTarget, plugin: ExecPlugin) -> Mapping[str, object]:
    """Return what a plugin reads from KUBERNETES_EXEC_INFO."""
    spec: dict[str, object] = {"interactive": False}
    if plugin.provide_cluster_info:
        cluster: dict[str, object] = {"server": target.server}
        if target.server_name:
            cluster["tls-server-name"] = target.server_name
        if target.insecure:
            cluster["insecure-skip-tls-verify"] = True
        if target.ca is not None:
            cluster["certificate-authority-data"] = base64.b64encode(target.ca).decode()
        if target.proxy:
            cluster["proxy-url"] = target.proxy
        spec["cluster"] = cluster
    return {"kind": "ExecCredential", "apiVersion": plugin.api_version, "spec": spec}


def _expiry(plugin: ExecPlugin, status: Mapping[str, object]) -> datetime | None:
    text = status.get("expirationTimestamp")
    if not text:
        return None
    try:
        expires = datetime.fromisoformat(str(text))
    except ValueError:
        raise _failed(plugin, "its expirationTimestamp is no time") from None
    return expires if expires.tzinfo else expires.replace(tzinfo=UTC)


def _failed(plugin: ExecPlugin, why: str) -> ToolError:
    name = os.path.basename(plugin.command)
    hint = f"run it by hand: {name} {' '.join(plugin.args)}".rstrip()
    return ToolError(
        f"the credential plugin {name} of the kubeconfig failed: {why}", hint=plugin.install_hint or hint
    )
