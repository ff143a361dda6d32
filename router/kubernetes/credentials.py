"""Credentials for a Kubernetes API server: tokens, token files, and what credential plugins print.

An answer of a plugin, or of an issuer, is kept until it expires, by whoever owns the ``PluginAnswers``.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from datetime import UTC, datetime, timedelta

from router.errors import ToolError, UsageError, os_reason
from router.kubernetes.auth_provider import AuthProvider, held
from router.kubernetes.config import ExecPlugin, KubeTarget
from router.model.frozen import field, frozen
from router.named_file import read_named
from router.notation.quoting import quoted
from router.once import OneTimeFiles
from router.untrusted_json import NotJSONError, member, read_json, text

__all__ = ["Credentials", "PluginAnswers", "credentials_for"]

# A token that expires while it travels is of no use.
_MARGIN = timedelta(seconds=10)


@frozen
class Credentials:
    """Headers for every request, and the client's certificate and key in PEM form; none in the repr."""

    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    cert: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)


class PluginAnswers:
    """What credential plugins and issuers answered, and until when it holds. Safe for threads.

    Each is asked once at a time, and others don't wait for it: it may open a browser. ``files`` has what was
    read of token files that can be read once.
    """

    def __init__(self) -> None:
        self.files = OneTimeFiles()
        self._lock = threading.Lock()
        self._kept: dict[Hashable, _Answer] = {}

    def get(self, key: Hashable, ask: Callable[[], _Answered], *, timeout: float) -> Credentials:
        """Return the answer that is kept for ``key``, else that of ``ask``, with what it raises.

        Raises TimeoutError when another thread has asked for ``timeout`` seconds.
        """
        with self._lock:
            answer = self._kept.setdefault(key, _Answer())
        if not answer.asking.acquire(timeout=timeout):
            raise TimeoutError
        try:
            if answer.credentials is None or answer.expired:
                answer.credentials, answer.expires = ask()
            return answer.credentials
        finally:
            answer.asking.release()


class _Answer:
    def __init__(self) -> None:
        self.asking = threading.Lock()
        self.credentials: Credentials | None = None
        self.expires: datetime | None = None

    @property
    def expired(self) -> bool:
        return self.expires is not None and datetime.now(UTC) + _MARGIN >= self.expires


_Answered = tuple[Credentials, datetime | None]


def credentials_for(
    target: KubeTarget,
    environment: Mapping[str, str],
    *,
    timeout: float,
    answers: PluginAnswers | None = None,
) -> Credentials:
    """Return what to show the API server: of a user with several kinds, the one that kubectl would.

    Nothing but the impersonation where the server has no TLS, whatever the user has: everybody on the way
    could read it. Without ``answers`` a plugin is run each time. Raises ToolError where a credential plugin
    is missing or fails, UsageError where a token file can't be read or it takes another login.
    """
    user = target.user
    if not target.secure:
        return Credentials(headers=_headers(None, target))
    authorization = None
    if user.token_file is not None or user.token is not None:
        authorization = f"Bearer {_token(target, (answers or PluginAnswers()).files)}"
    elif user.basic is not None:
        authorization = f"Basic {base64.b64encode(':'.join(user.basic).encode()).decode()}"
    elif user.plugin is not None and user.cert is None:
        plugin = user.plugin
        try:
            return (answers or PluginAnswers()).get(
                (plugin, target.server),
                lambda: _from_plugin(target, plugin, environment, timeout),
                timeout=timeout,
            )
        except TimeoutError as exc:
            raise _failed(plugin, f"it did not end within {timeout:g} s") from exc
    elif user.provider is not None:
        provider = user.provider
        try:
            return (answers or PluginAnswers()).get(
                (provider, target.server),
                lambda: _from_provider(target, provider, environment, timeout),
                timeout=timeout,
            )
        except TimeoutError as exc:
            raise ToolError(f"the token of {provider} was not renewed within {timeout:g} s") from exc
    return Credentials(headers=_headers(authorization, target), cert=user.cert, key=user.key)


def _token(target: KubeTarget, files: OneTimeFiles) -> str:
    """Return the token file's, which the kubelet renews in a pod, else the one in the kubeconfig."""
    user = target.user
    if user.token_file is None:
        assert user.token is not None
        return user.token
    try:
        return read_named(user.token_file, files).decode().strip()
    except (OSError, UnicodeDecodeError) as exc:
        if user.token is not None:
            return user.token
        why = os_reason(exc) if isinstance(exc, OSError) else "it is not text"
        whose = "of this pod's service account" if target.in_cluster else "tokenFile of the kubeconfig"
        raise UsageError(
            f"can't read the token file {user.token_file} ({whose}): {why}", hint=f"ls -l {user.token_file}"
        ) from exc


def _headers(authorization: str | None, target: KubeTarget) -> tuple[tuple[str, str], ...]:
    own = (("Authorization", authorization),) if authorization else ()
    headers = own + target.user.impersonate
    if any(set("\r\n\0") & set(name + value) for name, value in headers):
        # It would begin a header of its own.
        raise UsageError(f"the credentials of {target.source} have a line break in them")
    return headers


def _from_provider(
    target: KubeTarget, provider: AuthProvider, environment: Mapping[str, str], timeout: float
) -> _Answered:
    found = held(provider, time.time())
    if found is None:
        from router.kubernetes.renewal import renewed  # few users have a token that has expired

        found = renewed(provider, environment, timeout=timeout)
    user = target.user
    headers = _headers(f"Bearer {found.token}", target)
    return Credentials(headers=headers, cert=user.cert, key=user.key), found.expires


def _from_plugin(
    target: KubeTarget, plugin: ExecPlugin, environment: Mapping[str, str], timeout: float
) -> _Answered:
    status = _run_plugin(target, plugin, environment, timeout)
    token, cert, key = (text(status, name) for name in ("token", "clientCertificateData", "clientKeyData"))
    if not token and not (cert and key):
        raise _failed(plugin, "it gave neither a token nor a certificate")
    credentials = Credentials(
        headers=_headers(f"Bearer {token}" if token else None, target),
        cert=cert.encode() if cert else None,
        key=key.encode() if key else None,
    )
    return credentials, _expiry(plugin, status)


def _run_plugin(
    target: KubeTarget, plugin: ExecPlugin, environment: Mapping[str, str], timeout: float
) -> Mapping[str, object]:
    if plugin.needs_terminal:
        raise _failed(plugin, "it has to ask on a terminal (interactiveMode: Always)")
    from router.program import Command
    from router.running import Watch, run

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
        answer = read_json(finished.stdout)
    except NotJSONError:
        answer = None
    status, version = member(answer, "status"), text(answer, "apiVersion")
    if not isinstance(status, dict):
        # Nothing of it is told: it may be a token.
        raise _failed(plugin, "it did not print an ExecCredential with a status")
    if version != plugin.api_version:
        raise _failed(plugin, f"it speaks {quoted(version[:80])}, the kubeconfig says {plugin.api_version}")
    return status


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
    written = member(status, "expirationTimestamp")
    if not written:
        return None
    try:
        expires = datetime.fromisoformat(str(written))
    except ValueError:
        raise _failed(plugin, "its expirationTimestamp is not a time") from None
    return expires if expires.tzinfo else expires.replace(tzinfo=UTC)


def _failed(plugin: ExecPlugin, why: str) -> ToolError:
    name = os.path.basename(plugin.command)
    hint = f"run it by hand: {name} {' '.join(plugin.args)}".rstrip()
    return ToolError(
        f"the credential plugin {name} of the kubeconfig failed: {why}", hint=plugin.install_hint or hint
    )
