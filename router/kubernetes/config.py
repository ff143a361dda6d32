"""Where a Kubernetes API server is and who we are there, as kubectl reads it.

Kubeconfig files (``KUBECONFIG`` lists are merged), a context, or the service account of the pod that this
process runs in. Only reads files: credentials are fetched in ``kube_credentials``, connections made in
``kube_api``. The kubernetes package is not used: importing it takes longer than a whole cached build, and
it writes keys to temporary files.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from router.config import kubeconfig_paths
from router.errors import UsageError, os_reason
from router.kubernetes.auth_provider import AuthProvider, read_provider
from router.kubernetes.config_file import (
    FileMapping,
    entries,
    mapping,
    read_kubeconfig,
    string,
    strings,
    unreadable,
)
from router.model.frozen import field, frozen
from router.named_file import read_named
from router.notation.quoting import quoted
from router.once import OneTimeFiles
from router.readable import is_missing

__all__ = ["ExecPlugin", "KubeSource", "KubeTarget", "KubeUser", "load_target"]

_OF_POD = "of this pod's service account"
_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
# RFC 9110, section 5.6.2, without the percent sign.
_IN_HEADER_NAMES = "!#$&'*+-.^_`|~"
_SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}


@frozen
class KubeSource:
    """What to read: ``kubeconfig`` and ``context`` None mean what the environment and the files say.

    ``service_account`` is where a pod's own credentials are mounted.
    """

    environment: Mapping[str, str]
    kubeconfig: str | None = None
    context: str | None = None
    service_account: str = _SERVICE_ACCOUNT


@frozen
class ExecPlugin:
    """A credential plugin: a program that prints an ExecCredential."""

    command: str
    args: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_version: str = "client.authentication.k8s.io/v1"
    install_hint: str = ""
    provide_cluster_info: bool = False
    needs_terminal: bool = False


@frozen
class KubeUser:
    """Who we are: certificate and key in PEM form; no secret stands in the repr."""

    token: str | None = field(default=None, repr=False)
    token_file: str | None = None
    cert: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    basic: tuple[str, str] | None = field(default=None, repr=False)
    plugin: ExecPlugin | None = None
    provider: AuthProvider | None = None
    impersonate: tuple[tuple[str, str], ...] = ()


@frozen
class KubeTarget:
    """An API server and a user on it. ``server`` is a URL; ``ca`` is in PEM form, None for the system's CAs.

    ``context`` is empty in a pod; ``source`` says where all this was read.
    """

    server: str
    namespace: str
    source: str
    context: str = ""
    ca: bytes | None = None
    server_name: str | None = None
    insecure: bool = False
    proxy: str | None = None
    user: KubeUser = KubeUser()

    @property
    def secure(self) -> bool:
        """Whether the server is reached by TLS."""
        return self.server.startswith("https://")

    @property
    def in_cluster(self) -> bool:
        """Whether these are the credentials of the pod that this process runs in."""
        return not self.context


def load_target(source: KubeSource, content: OneTimeFiles | None = None) -> KubeTarget:
    """Read the kubeconfig, or in a pod whose kubeconfig names no server the pod's service account.

    ``content`` has what was read of pipes: kubeconfigs, and what they name. Raises UsageError where nothing
    is there, a file can't be read, or the context does not exist.
    """
    paths = kubeconfig_paths(source.kubeconfig, source.environment)
    content = content or OneTimeFiles()
    files, lost = _read_all(source, paths, content)
    if files:
        merged = _Merged(files, content)
        if source.context or merged.current or not _has_service_account(source):
            return merged.target(source.context)
    if source.context is None and source.environment.get("KUBERNETES_SERVICE_HOST"):
        return _service_account(source, content, beside=lost)
    if lost is not None:
        raise lost
    raise UsageError(
        f"no kubeconfig: {', '.join(paths)} does not exist"
        if paths
        else "no kubeconfig: this user has no home",
        hint="give --kubeconfig, or set KUBECONFIG",
    )


def _read_all(
    source: KubeSource, paths: Sequence[str], content: OneTimeFiles
) -> tuple[list[tuple[str, FileMapping]], UsageError | None]:
    """Return the files that are there, and the error of the one in the home directory if it can't be read.

    In a pod that one is nobody's wish, so that the service account does as well.
    """
    named = source.kubeconfig is not None or bool(source.environment.get("KUBECONFIG"))
    files: list[tuple[str, FileMapping]] = []
    for path in paths:
        try:
            files.append((path, read_kubeconfig(path, content)))
        except (FileNotFoundError, NotADirectoryError) as exc:
            if source.kubeconfig is not None:
                raise unreadable(path, exc) from exc
        except OSError as exc:
            if named:
                raise unreadable(path, exc) from exc
            return files, unreadable(path, exc)
    return files, None


class _Merged:
    """Several kubeconfig files as one: of each name and of current-context the first one counts."""

    def __init__(self, files: list[tuple[str, FileMapping]], content: OneTimeFiles) -> None:
        self._content = content
        self.source = ", ".join(path for path, _ in files)
        self.current = ""
        self._entries: dict[str, dict[str, tuple[FileMapping, str]]] = {key: {} for key in _SECTIONS}
        for path, config in files:
            self._add(path, config)

    def target(self, context_name: str | None) -> KubeTarget:
        name = context_name or self.current
        if not name:
            raise UsageError(
                f"the kubeconfig {self.source} has no current context",
                hint="give --kube-context, or run kubectl config use-context",
            )
        context, _ = self._entry("contexts", name, f"the kubeconfig {self.source}")
        where = f"the context {quoted(name)}"
        cluster, path = self._entry("clusters", string(context, "cluster"), where)
        server = string(cluster, "server")
        if not server:
            raise UsageError(f"the cluster of {where} in {self.source} has no server")
        return KubeTarget(
            server=_with_scheme(server).rstrip("/"),
            namespace=string(context, "namespace") or "default",
            source=self.source,
            context=name,
            ca=self._data(cluster, "certificate-authority", os.path.dirname(path)),
            server_name=string(cluster, "tls-server-name") or None,
            insecure=bool(cluster.get("insecure-skip-tls-verify")),
            proxy=string(cluster, "proxy-url") or None,
            user=self._user(string(context, "user"), where),
        )

    def _user(self, name: str, where: str) -> KubeUser:
        if not name:
            return KubeUser()
        user, path = self._entry("users", name, where)
        directory = os.path.dirname(path)
        token_file = string(user, "tokenFile")
        username, password = string(user, "username"), string(user, "password")
        provider = mapping(user, "auth-provider")
        return KubeUser(
            token=string(user, "token") or None,
            token_file=os.path.join(directory, token_file) if token_file else None,
            cert=self._data(user, "client-certificate", directory),
            key=self._data(user, "client-key", directory),
            basic=(username, password) if username and password else None,
            plugin=_plugin(mapping(user, "exec"), directory) if user.get("exec") else None,
            provider=_provider(provider, name, path) if provider and not user.get("exec") else None,
            impersonate=_impersonation(user, f"the user {quoted(name)} in {self.source}"),
        )

    def _data(self, values: FileMapping, key: str, directory: str) -> bytes | None:
        """Return what stands inline as base64, else in the file of that name."""
        inline = string(values, f"{key}-data")
        if inline:
            try:
                return base64.b64decode(inline, validate=False)
            except (binascii.Error, ValueError):
                raise UsageError(f"{key}-data in the kubeconfig is not valid base64") from None
        named = string(values, key)
        if not named:
            return None
        return _read_bytes(os.path.join(directory, named), f"{key} of the kubeconfig", self._content)

    def _entry(self, section: str, name: str, where: str) -> tuple[FileMapping, str]:
        found = self._entries[section].get(name)
        if found is None:
            known = ", ".join(sorted(self._entries[section])) or "none"
            kind = _SECTIONS[section]
            raise UsageError(f"{where} has no {kind} {quoted(name)}", hint=f"{section} there: {known}")
        return found

    def _add(self, path: str, config: FileMapping) -> None:
        self.current = self.current or string(config, "current-context")
        path = os.path.abspath(path)
        for section, kind in _SECTIONS.items():
            for entry in entries(config, section):
                self._entries[section].setdefault(string(entry, "name"), (mapping(entry, kind), path))


def _with_scheme(server: str) -> str:
    """Return the server's URL: an address alone means http, as for kubectl."""
    scheme, colon, rest = server.partition("://")
    if colon and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme) and rest:
        return f"{scheme.lower()}://{rest}"
    return f"http://{server}"


def _provider(provider: FileMapping, user: str, path: str) -> AuthProvider:
    config = mapping(provider, "config")
    values = {str(key): string(config, key) for key in config}
    return read_provider(string(provider, "name"), values, user, path)


def _read_bytes(path: str, what: str, content: OneTimeFiles) -> bytes:
    try:
        return read_named(path, content)
    except OSError as exc:
        raise UsageError(f"can't read {path} ({what}): {os_reason(exc)}", hint=f"ls -l {path}") from exc


def _plugin(values: FileMapping, directory: str) -> ExecPlugin:
    command = string(values, "command")
    if not command:
        raise UsageError("the credential plugin (exec) in the kubeconfig has no command")
    if os.sep in command:
        command = os.path.join(directory, command)
    return ExecPlugin(
        command=command,
        args=strings(values, "args"),
        environment=tuple((string(pair, "name"), string(pair, "value")) for pair in entries(values, "env")),
        api_version=string(values, "apiVersion") or "client.authentication.k8s.io/v1",
        install_hint=string(values, "installHint").strip(),
        provide_cluster_info=bool(values.get("provideClusterInfo")),
        needs_terminal=values.get("interactiveMode") == "Always",
    )


def _impersonation(user: FileMapping, owner: str) -> tuple[tuple[str, str], ...]:
    named = {"Impersonate-User": string(user, "as"), "Impersonate-Uid": string(user, "as-uid")}
    pairs = [(header, value) for header, value in named.items() if value]
    pairs += [("Impersonate-Group", group) for group in strings(user, "as-groups")]
    extra = mapping(user, "as-user-extra")
    for name in extra:
        key = quote(str(name), safe=_IN_HEADER_NAMES)  # as client-go; API servers undo it
        pairs += [(f"Impersonate-Extra-{key}", value) for value in strings(extra, name)]
    if pairs and not named["Impersonate-User"]:
        raise UsageError(
            f"{owner} has as-uid, as-groups or as-user-extra, but no as",
            hint="as names the user to act as",
        )
    return tuple(pairs)


def _has_service_account(source: KubeSource) -> bool:
    mounted = not is_missing(os.path.join(source.service_account, "token"))
    return mounted and bool(source.environment.get("KUBERNETES_SERVICE_HOST"))


def _service_account(source: KubeSource, content: OneTimeFiles, *, beside: UsageError | None) -> KubeTarget:
    """Return the pod's own account; ``beside`` is why there is no kubeconfig, where it could not be read."""
    directory = source.service_account
    host = source.environment["KUBERNETES_SERVICE_HOST"]
    port = source.environment.get("KUBERNETES_SERVICE_PORT") or "443"
    token_file = os.path.join(directory, "token")
    if is_missing(token_file):
        raise UsageError(
            f"this pod has no service account token ({token_file}) and no kubeconfig",
            hint="set automountServiceAccountToken, or give --kubeconfig",
        )
    namespace_file = os.path.join(directory, "namespace")
    # The variable first, as for kubectl.
    namespace = source.environment.get("POD_NAMESPACE", "")
    if not namespace and not is_missing(namespace_file):
        namespace = _read_bytes(namespace_file, _OF_POD, content).decode(errors="replace").strip()
    return KubeTarget(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=namespace or "default",
        source=directory if beside is None else f"{directory} ({beside})",
        ca=_read_bytes(os.path.join(directory, "ca.crt"), _OF_POD, content),
        user=KubeUser(token_file=token_file),
    )
