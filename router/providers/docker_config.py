"""The docker CLI's config.json: what stands in it, as values.

Reads ``$DOCKER_CONFIG/config.json``, else ``$HOME/.docker/config.json``, and ``$DOCKER_AUTH_CONFIG``.
Runs nothing: looking credentials up, which may run a helper, is ``registry_auth``'s. Never writes.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping

from router.errors import UsageError
from router.model.frozen import field, frozen, replace

__all__ = [
    "DOCKER_HUB",
    "Credentials",
    "DockerConfig",
    "config_directory",
    "load",
    "proxy_build_args",
    "registry_key",
]

# The docker CLI files credentials of Docker Hub under the address of its first, long gone index.
DOCKER_HUB = "https://index.docker.io/v1/"
_DOCKER_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})

_PROXY_VARIABLES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "noProxy": "NO_PROXY",
    "ftpProxy": "FTP_PROXY",
    "allProxy": "ALL_PROXY",
}


@frozen
class Credentials:
    """A login. An empty user name with a secret is an identity token; all empty is anonymous.

    ``registry_token`` is a bearer token that is used as it is, in place of one to be fetched.
    """

    username: str = ""
    secret: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


@frozen
class DockerConfig:
    """What config.json says. ``path`` is where it is, or would be; keys of ``auths`` are as written there."""

    path: str
    auths: Mapping[str, Credentials] = field(default_factory=dict)
    creds_store: str = ""
    cred_helpers: Mapping[str, str] = field(default_factory=dict)
    current_context: str = ""
    proxies: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    @property
    def directory(self) -> str:
        """The folder of the configuration, which also has ``contexts`` and ``cli-plugins``."""
        return os.path.dirname(self.path)

    def helper(self, key: str) -> str:
        """Return the name of the credential helper for a registry's key, empty where the file has it all."""
        return self.cred_helpers.get(key, self.creds_store)

    def stored(self, key: str) -> Credentials:
        """Return what the file itself has for a registry's key; keys may be host names or URLs."""
        exact = self.auths.get(key)
        if exact is not None:
            return exact
        for written, credentials in self.auths.items():
            if _host(written) == key:
                return credentials
        return Credentials()

    def proxy_build_args(self, docker_host: str = "") -> dict[str, str]:
        """Return the build arguments that the ``proxies`` section gives for a Docker host, else by default.

        In upper and lower case, as the docker CLI passes them; a build argument of the user's wins.
        """
        section = self.proxies.get(docker_host) or self.proxies.get("default", {})
        arguments: dict[str, str] = {}
        for key, variable in _PROXY_VARIABLES.items():
            value = section.get(key, "")
            if value:
                arguments |= {variable: value, variable.lower(): value}
        return arguments


def registry_key(host: str) -> str:
    """Return the key under which the docker CLI files a registry's credentials."""
    return DOCKER_HUB if host in _DOCKER_HUB_HOSTS else host


def config_directory(environment: Mapping[str, str]) -> str:
    """Return the docker CLI's configuration folder, which need not exist."""
    return environment.get("DOCKER_CONFIG") or os.path.join(environment.get("HOME", ""), ".docker")


def load(environment: Mapping[str, str]) -> DockerConfig:
    """Read the configuration; where there is none, everything is anonymous.

    Raises ``UsageError``, naming the file, for one that can't be read or understood.
    """
    path = _path(environment)
    config = _parse(path, _content(path))
    variable = environment.get("DOCKER_AUTH_CONFIG", "")
    if not variable:
        return config
    given = _parse("in DOCKER_AUTH_CONFIG", os.fsencode(variable))
    return _with_auths(config, given.auths)


def proxy_build_args(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the build arguments of the configuration's ``proxies``; none where it has no such section.

    Every build asks for them, so what else the file says is not looked at before there is need. Raises what
    ``load`` raises.
    """
    path = _path(environment)
    text = _content(path)
    if b'"proxies"' not in text:
        return {}
    return _parse(path, text).proxy_build_args(environment.get("DOCKER_HOST", ""))


def _path(environment: Mapping[str, str]) -> str:
    return os.path.join(config_directory(environment), "config.json")


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as exc:
        raise UsageError(
            f"can't read the docker config {path}: {exc.strerror}",
            hint="make it readable, or point DOCKER_CONFIG at another folder",
        ) from exc


def _with_auths(config: DockerConfig, auths: Mapping[str, Credentials]) -> DockerConfig:
    # What the variable names is taken from it, whatever helper the file has for that registry.
    helpers = dict(config.cred_helpers) | {registry_key(_host(key)): "" for key in auths}
    return replace(config, auths={**config.auths, **auths}, cred_helpers=helpers)


def _parse(path: str, text: bytes) -> DockerConfig:
    try:
        found = json.loads(text) if text.strip() else {}
        return DockerConfig(
            path=path,
            auths={key: _credentials(key, entry or {}) for key, entry in (found.get("auths") or {}).items()},
            creds_store=str(found.get("credsStore") or ""),
            cred_helpers=_strings(found.get("credHelpers")),
            current_context=str(found.get("currentContext") or ""),
            proxies={name: _strings(section) for name, section in (found.get("proxies") or {}).items()},
        )
    except (ValueError, AttributeError, TypeError, RecursionError) as exc:
        # A JSON error's text has a position only, but its chain has the document, secrets and all.
        raise UsageError(
            f"the docker config {path} is broken: {_why(exc)}",
            hint="correct it, or move it away and run docker login again",
        ) from None


def _why(exc: Exception) -> str:
    if isinstance(exc, json.JSONDecodeError):
        return f"no JSON at line {exc.lineno}, column {exc.colno}"
    if isinstance(exc, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(exc, _BadAuthError):
        return str(exc)
    return "it does not have the form of a docker config"


class _BadAuthError(ValueError):
    """An ``auth`` field that is no base64 of user:password."""


def _strings(section: Mapping[str, object] | None) -> dict[str, str]:
    return {key: str(value) for key, value in (section or {}).items()}


def _credentials(key: str, entry: Mapping[str, object]) -> Credentials:
    token = _text(entry, "registrytoken")
    identity = _text(entry, "identitytoken")
    if identity:
        return Credentials(secret=identity, registry_token=token)
    auth = _text(entry, "auth")
    if auth:
        return replace(_decoded(key, auth), registry_token=token)
    username, secret = _text(entry, "username"), _text(entry, "password")
    return Credentials(username=username, secret=secret, registry_token=token)


def _text(entry: Mapping[str, object], name: str) -> str:
    text = entry.get(name) or ""
    if not isinstance(text, str):
        raise TypeError(name)
    text.encode()  # JSON can hold halves of characters, which nothing can be sent as
    return text


def _decoded(key: str, auth: str) -> Credentials:
    try:
        username, colon, secret = base64.b64decode(auth, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        username, colon, secret = "", "", ""
    if not colon or not username:
        shown = key.encode("utf-8", "replace").decode()
        raise _BadAuthError(f'"auth" of {shown} is no base64 of user:password')
    return Credentials(username=username, secret=secret.strip("\0"))


def _host(written: str) -> str:
    return written.partition("://")[2].partition("/")[0] or written.partition("/")[0]
