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
from collections.abc import Mapping
from typing import Any

from router.config import home_directory
from router.errors import UsageError
from router.model.frozen import field, frozen
from router.transport.sockets import describe_os_error

__all__ = ["ExecPlugin", "KubeSource", "KubeTarget", "KubeUser", "load_target"]

_OTHERS = "--kubeconfig and KUBECONFIG name other files"
_SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_SECTIONS = {"clusters": "cluster", "contexts": "context", "users": "user"}
# Keys whose values are paths, relative to the file that they stand in.
_PATH_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")

_Mapping = Mapping[str, Any]


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
    impersonate: tuple[tuple[str, str], ...] = ()


@frozen
class KubeTarget:
    """An API server and a user on it. ``ca`` is in PEM form, None for the system's CAs.

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
    def in_cluster(self) -> bool:
        """Whether these are the credentials of the pod that this process runs in."""
        return not self.context


def load_target(source: KubeSource) -> KubeTarget:
    """Read the kubeconfig, or in a pod that has none the pod's service account.

    Raises UsageError where nothing is there, a file can't be read, or the context does not exist.
    """
    paths = _paths(source)
    present = [path for path in paths if source.kubeconfig is not None or os.path.exists(path)]
    if present:
        return _Merged(present).target(source.context)
    if source.context is None and source.environment.get("KUBERNETES_SERVICE_HOST"):
        return _service_account(source)
    raise UsageError(
        f"no kubeconfig: {', '.join(paths)} does not exist",
        hint="give --kubeconfig, or set KUBECONFIG",
    )


def _paths(source: KubeSource) -> list[str]:
    if source.kubeconfig is not None:
        return [source.kubeconfig]
    listed = source.environment.get("KUBECONFIG", "")
    paths = [path for path in listed.split(os.pathsep) if path]
    home = home_directory(source.environment)
    return paths or ([os.path.join(home, ".kube", "config")] if home else [])


class _Merged:
    """Several kubeconfig files as one: of each name and of current-context the first one counts."""

    def __init__(self, paths: list[str]) -> None:
        self.source = ", ".join(paths)
        self.current = ""
        self._entries: dict[str, dict[str, tuple[_Mapping, str]]] = {key: {} for key in _SECTIONS}
        for path in paths:
            self._add(path, _read_yaml(path))

    def target(self, context_name: str | None) -> KubeTarget:
        name = context_name or self.current
        if not name:
            raise UsageError(
                f"the kubeconfig {self.source} has no current context",
                hint="give --kube-context, or run kubectl config use-context",
            )
        context, _ = self._entry("contexts", name, f"the kubeconfig {self.source}")
        where = f"the context {name!r}"
        cluster, directory = self._entry("clusters", str(context.get("cluster", "")), where)
        server = cluster.get("server")
        if not isinstance(server, str) or not server:
            raise UsageError(f"the cluster of {where} in {self.source} has no server")
        return KubeTarget(
            server=server.rstrip("/"),
            namespace=str(context.get("namespace") or "default"),
            source=self.source,
            context=name,
            ca=_data(cluster, "certificate-authority", directory),
            server_name=cluster.get("tls-server-name") or None,
            insecure=bool(cluster.get("insecure-skip-tls-verify")),
            proxy=cluster.get("proxy-url") or None,
            user=self._user(str(context.get("user", "")), where),
        )

    def _user(self, name: str, where: str) -> KubeUser:
        if not name:
            return KubeUser()
        user, directory = self._entry("users", name, where)
        if "auth-provider" in user and "exec" not in user:
            raise UsageError(
                f"the user {name!r} in {self.source} has an auth-provider, which Kubernetes has dropped",
                hint="use the credential plugin (exec) of your provider",
            )
        token_file = user.get("tokenFile")
        has_basic = user.get("username") and user.get("password")
        return KubeUser(
            token=user.get("token") or None,
            token_file=os.path.join(directory, token_file) if token_file else None,
            cert=_data(user, "client-certificate", directory),
            key=_data(user, "client-key", directory),
            basic=(str(user["username"]), str(user["password"])) if has_basic else None,
            plugin=_plugin(user["exec"], directory) if user.get("exec") else None,
            impersonate=_impersonation(user),
        )

    def _entry(self, section: str, name: str, where: str) -> tuple[_Mapping, str]:
        found = self._entries[section].get(name)
        if found is None:
            known = ", ".join(sorted(self._entries[section])) or "none"
            kind = _SECTIONS[section]
            raise UsageError(f"{where} has no {kind} {name!r}", hint=f"{section} there: {known}")
        return found

    def _add(self, path: str, config: _Mapping) -> None:
        self.current = self.current or str(config.get("current-context") or "")
        directory = os.path.dirname(os.path.abspath(path))
        for section, kind in _SECTIONS.items():
            for entry in config.get(section) or ():
                if not isinstance(entry, dict) or not isinstance(entry.get(kind) or {}, dict):
                    raise UsageError(f"the kubeconfig {path} has an entry of {section} that is none")
                self._entries[section].setdefault(
                    str(entry.get("name", "")), (entry.get(kind) or {}, directory)
                )


def _read_yaml(path: str) -> _Mapping:
    # JSON is YAML too; the C parser is ten times faster than the other.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with open(path, "rb") as file:
            # Both loaders are safe ones.
            value = yaml.load(file, Loader=loader)  # noqa: S506
    except OSError as exc:
        raise UsageError(
            f"can't read the kubeconfig {path}: {describe_os_error(exc)}",
            hint=_OTHERS,
        ) from exc
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        line = getattr(getattr(exc, "problem_mark", None), "line", None)
        place = f" at line {line + 1}" if line is not None else ""
        # The parser's own message quotes the file, which holds secrets.
        raise UsageError(f"the kubeconfig {path} is not valid YAML{place}", hint=_OTHERS) from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"the kubeconfig {path} is not a kubeconfig", hint=_OTHERS)
    return value


def _data(values: _Mapping, key: str, directory: str) -> bytes | None:
    """Return what stands inline as base64, else in the file of that name."""
    inline = values.get(f"{key}-data")
    if inline:
        try:
            return base64.b64decode(str(inline), validate=False)
        except binascii.Error:
            raise UsageError(f"{key}-data in the kubeconfig is not valid base64") from None
    named = values.get(key)
    return _read_bytes(os.path.join(directory, str(named)), key) if named else None


def _read_bytes(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as exc:
        raise UsageError(f"can't read {path} ({what} of the kubeconfig): {describe_os_error(exc)}") from exc


def _plugin(values: _Mapping, directory: str) -> ExecPlugin:
    command = str(values.get("command") or "")
    if not command:
        raise UsageError("the credential plugin (exec) in the kubeconfig has no command")
    if os.sep in command:
        command = os.path.join(directory, command)
    pairs = tuple((str(pair.get("name", "")), str(pair.get("value", ""))) for pair in values.get("env") or ())
    return ExecPlugin(
        command=command,
        args=tuple(str(argument) for argument in values.get("args") or ()),
        environment=pairs,
        api_version=str(values.get("apiVersion") or "client.authentication.k8s.io/v1"),
        install_hint=str(values.get("installHint") or "").strip(),
        provide_cluster_info=bool(values.get("provideClusterInfo")),
        needs_terminal=values.get("interactiveMode") == "Always",
    )


def _impersonation(user: _Mapping) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    if user.get("as"):
        pairs.append(("Impersonate-User", str(user["as"])))
    if user.get("as-uid"):
        pairs.append(("Impersonate-Uid", str(user["as-uid"])))
    pairs += [("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()]
    for name, values in (user.get("as-user-extra") or {}).items():
        pairs += [(f"Impersonate-Extra-{name}", str(value)) for value in values]
    return tuple(pairs)


def _service_account(source: KubeSource) -> KubeTarget:
    directory = source.service_account
    host = source.environment["KUBERNETES_SERVICE_HOST"]
    port = source.environment.get("KUBERNETES_SERVICE_PORT") or "443"
    token_file = os.path.join(directory, "token")
    if not os.path.exists(token_file):
        raise UsageError(
            f"this pod has no service account token ({token_file}) and no kubeconfig",
            hint="set automountServiceAccountToken, or give --kubeconfig",
        )
    namespace_file = os.path.join(directory, "namespace")
    has_namespace = os.path.exists(namespace_file)
    return KubeTarget(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=_read_bytes(namespace_file, "namespace").decode().strip() if has_namespace else "default",
        source=directory,
        ca=_read_bytes(os.path.join(directory, "ca.crt"), "CA"),
        user=KubeUser(token_file=token_file),
    )
