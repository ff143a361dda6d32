"""The docker CLI's config.json: what stands in it, as values.

Reads ``$DOCKER_CONFIG/config.json``, else ``.docker/config.json`` in the user's home, and
``$DOCKER_AUTH_CONFIG``. As for the docker CLI, a file that can't be read or understood is as good as none,
with a warning, and of the logins only the one that is used must make sense. Runs nothing: looking them up,
which may run a helper, is ``registry_auth``'s. Never writes.
"""

from __future__ import annotations

import binascii
import errno
import os
import stat
from collections.abc import Mapping

from router.config import home_directory
from router.errors import UsageError, os_reason
from router.model.frozen import field, frozen, replace
from router.notation.quoting import quoted

__all__ = [
    "DOCKER_HUB",
    "Credentials",
    "DockerConfig",
    "config_directory",
    "load",
    "registry_key",
]

# The docker CLI files credentials of Docker Hub under the address of its first, long gone index.
DOCKER_HUB = "https://index.docker.io/v1/"
_DOCKER_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})

_MOST = 1 << 24

_PROXY_VARIABLES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "noProxy": "NO_PROXY",
    "ftpProxy": "FTP_PROXY",
    "allProxy": "ALL_PROXY",
}
_READ = ("auths", "credsStore", "credHelpers", "currentContext", "proxies")
# What docker and its plugins keep there besides; so that none of it is taken for a slip.
_OTHERS = (
    *("HttpHeaders", "psFormat", "imagesFormat", "networksFormat", "pluginsFormat", "volumesFormat"),
    *("statsFormat", "detachKeys", "serviceInspectFormat", "servicesFormat", "tasksFormat", "secretFormat"),
    *("configFormat", "nodesFormat", "pruneFilters", "cliPluginsExtraDirs", "plugins", "aliases", "features"),
    *("credentialSpecs", "experimental", "stackOrchestrator", "kubernetes"),
)
_ENTRY = ("auth", "username", "password", "identitytoken", "registrytoken")


@frozen
class Credentials:
    """A login. An empty user name with a secret is an identity token; all empty is anonymous.

    ``registry_token`` is a bearer token that is used as it is, in place of one to be fetched. What is no
    UTF-8 in the file stands here in surrogate escapes.
    """

    username: str = ""
    secret: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)


@frozen
class DockerConfig:
    """What config.json says. ``path`` is where it is, or would be, empty for a user without a home.

    ``auths`` are the entries as they stand, under the keys as written there; ``warnings`` name the file and
    what of it is not used.
    """

    path: str = ""
    auths: Mapping[str, object] = field(default_factory=dict, repr=False)
    creds_store: str = ""
    cred_helpers: Mapping[str, str] = field(default_factory=dict)
    current_context: str = ""
    proxies: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = ()

    @property
    def directory(self) -> str:
        """The folder of the configuration, which also has ``contexts`` and ``cli-plugins``."""
        return os.path.dirname(self.path)

    def helper(self, key: str) -> str:
        """Return the name of the credential helper for a registry's key, empty where the file has it all."""
        return self.cred_helpers.get(key, self.creds_store)

    def stored(self, key: str) -> Credentials:
        """Return what the file itself has for a registry's key; keys may be host names or URLs.

        Raises ``UsageError`` where that entry is broken, whatever the others are.
        """
        legacy = (each for each in self.auths if _host(each) == key)
        written = key if key in self.auths else next(legacy, None)
        if written is None:
            return Credentials()
        try:
            return _credentials(self.auths[written])
        except _BadEntryError as exc:
            # Not chained: what it came from may hold the entry.
            raise UsageError(
                f"the login for {written} in {self.path or 'DOCKER_AUTH_CONFIG'} is broken: {exc}",
                hint=f"run docker login {_host(written)} again",
            ) from None

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
    """Return the docker CLI's configuration folder, which need not exist; empty for a user without a home."""
    if given := environment.get("DOCKER_CONFIG"):
        return given
    home = home_directory(environment)
    return os.path.join(home, ".docker") if home else ""


def load(environment: Mapping[str, str]) -> DockerConfig:
    """Read the configuration; where there is none, or it can't be used, everything is anonymous."""
    config = _read_config(environment)
    variable = environment.get("DOCKER_AUTH_CONFIG", "")
    if not variable:
        return config
    given = _parse("", "DOCKER_AUTH_CONFIG", os.fsencode(variable))
    # What the variable names is taken from it, whatever helper the file has for that registry.
    helpers = dict(config.cred_helpers) | {registry_key(_host(key)): "" for key in given.auths}
    return replace(
        config,
        auths={**config.auths, **given.auths},
        cred_helpers=helpers,
        warnings=config.warnings + given.warnings,
    )


def _read_config(environment: Mapping[str, str]) -> DockerConfig:
    directory = config_directory(environment)
    if not directory:
        return DockerConfig()
    path = os.path.join(directory, "config.json")
    try:
        text = _content(path)
    except (FileNotFoundError, NotADirectoryError):
        return DockerConfig(path=path)
    except OSError as exc:
        warning = f"can't read the docker config {path}: {os_reason(exc)}; building without it"
        return DockerConfig(path=path, warnings=(warning,))
    return _parse(path, f"the docker config {path}", text)


def _content(path: str) -> bytes:
    """Return what a file has, as much of it as is read. Raises OSError."""
    # To open a pipe would wait for whoever writes to it, and nobody might.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as file:
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is a pipe")
        return file.read(_MOST + 1)


def _parse(path: str, name: str, text: bytes) -> DockerConfig:
    # Loaded where there is a config: JSON takes 2 ms.
    from router.notation.go_names import go_fields, near_misses
    from router.untrusted_json import NotJSONError, read_first_json

    try:
        # The docker CLI reads the first value, whatever follows. Nothing at all, and null, are no error.
        found, more = read_first_json(text, most=_MOST) if text.strip() else (None, False)
    except NotJSONError as exc:
        return DockerConfig(path=path, warnings=(f"{name} {exc}; building without it",))
    if found is None:
        found = {}
    if not isinstance(found, dict):
        return DockerConfig(path=path, warnings=(f"{name} is not a JSON object; building without it",))
    sections = _Sections(name, go_fields(found, _READ))
    if more:
        sections.warnings.append(f"{name} has text after its JSON object, which is ignored")
    sections.warnings += [
        f"{name} has an unknown key {quoted(key)} (did you mean {quoted(meant)}?)"
        for key, meant in near_misses(found, (*_READ, *_OTHERS))
    ]
    proxies = sections.object("proxies")
    return DockerConfig(
        path=path,
        auths=sections.object("auths"),
        creds_store=sections.text("credsStore"),
        cred_helpers=_texts(sections.object("credHelpers")),
        current_context=sections.text("currentContext"),
        proxies={
            key: _texts(go_fields(each, _PROXY_VARIABLES))
            for key, each in proxies.items()
            if isinstance(each, dict)
        },
        warnings=tuple(sections.warnings),
    )


class _Sections:
    """The file's members; one of another type is left out, with a warning, as the docker CLI does it."""

    def __init__(self, name: str, fields: Mapping[str, object]) -> None:
        self._name = name
        self._fields = fields
        self.warnings: list[str] = []

    def object(self, key: str) -> Mapping[str, object]:
        value = self._fields.get(key)
        if isinstance(value, dict):
            return value
        if value is not None:
            self.warnings.append(f"{self._name}: {key} is not a JSON object; building without it")
        return {}

    def text(self, key: str) -> str:
        value = self._fields.get(key)
        if isinstance(value, str):
            return value
        if value is not None:
            self.warnings.append(f"{self._name}: {key} is not a string; building without it")
        return ""


class _BadEntryError(ValueError):
    """An entry of ``auths`` that gives no login; the message says why, without a secret."""


def _texts(section: Mapping[str, object]) -> dict[str, str]:
    return {key: value for key, value in section.items() if isinstance(value, str)}


def _credentials(entry: object) -> Credentials:
    if entry is None:
        return Credentials()
    if not isinstance(entry, dict):
        raise _BadEntryError("it is not a JSON object")
    from router.notation.go_names import go_fields

    fields = go_fields(entry, _ENTRY)
    token = _text(fields, "registrytoken")
    identity = _text(fields, "identitytoken")
    if identity:
        return Credentials(secret=identity, registry_token=token)
    auth = _text(fields, "auth")
    if auth:
        username, secret = _decoded(auth)
    else:
        username, secret = _text(fields, "username"), _text(fields, "password")
    return Credentials(username=username, secret=secret, registry_token=token)


def _text(entry: Mapping[str, object], name: str) -> str:
    value = entry.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _BadEntryError(f"{name} is not a string")
    return value


def _decoded(auth: str) -> tuple[str, str]:
    """Decode user name and password as the docker CLI does: line breaks in it don't count, nor NULs around
    the password, and the bytes may be of any encoding."""
    import base64  # few builds log in

    try:
        decoded = base64.b64decode(auth.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    username, colon, secret = decoded.decode("utf-8", "surrogateescape").partition(":")
    if not colon or not username:
        raise _BadEntryError("auth is not base64 of user:password")
    return username, secret.strip("\0")


def _host(written: str) -> str:
    return written.partition("://")[2].partition("/")[0] or written.partition("/")[0]
