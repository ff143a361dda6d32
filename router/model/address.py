"""The addresses of daemons as values; ``str`` of one is its text, which ``router.address`` reads back. Pure.

==================================================  ==========================================================
``tcp://HOST[:PORT][?server-name=]``                TCP, with TLS where the options ask for it
``unix://PATH``                                     a socket on this machine
``kube-pod://POD[?namespace=&context=&container=    a pod: by its IP, by ``buildctl dial-stdio`` run in it,
&via=&ip=&port=]``                                  or by port-forward
``docker://[CONTEXT][?host=ENDPOINT]``              the BuildKit inside a Docker engine
``docker-container://NAME[?context=&host=]``        ``buildctl dial-stdio`` in a container of an engine
``podman-container://NAME``                         the same by the podman command
``nerdctl-container://NAME[?namespace=]``           the same by the nerdctl command
``ssh://[USER@]HOST[:PORT][/SOCKET]``               the same on another machine
==================================================  ==========================================================

A scheme is one class here, one parser in ``router.address`` and one module of ``router.transport``.
"""

from __future__ import annotations

from typing import Literal

from router.model.frozen import frozen
from router.model.routing import Via

__all__ = [
    "DEFAULT_PORT",
    "Address",
    "CommandContainerAddress",
    "DnsName",
    "DockerAddress",
    "DockerContainerAddress",
    "KubePodAddress",
    "NamedAddress",
    "SshAddress",
    "TcpAddress",
    "UnixAddress",
]

DEFAULT_PORT = 1234
"""Where buildkitd listens by convention."""


@frozen
class TcpAddress:
    """``host`` is a name or an IP address; IPv6 stands here without its brackets.

    ``server_name`` is the name in the daemon's certificate, None where it is the host.
    """

    host: str
    port: int = DEFAULT_PORT
    server_name: str | None = None

    def __str__(self) -> str:
        return f"tcp://{_bracketed(self.host)}:{self.port}{_query(server_name=self.server_name)}"


@frozen
class UnixAddress:
    """A relative ``path`` is relative to the working directory; ``@`` opens Linux' abstract namespace."""

    path: str

    def __str__(self) -> str:
        return f"unix://{self.path}"


@frozen
class KubePodAddress:
    """None: the context's namespace, the current context, the pod's default container.

    ``via`` None leaves it to the options. ``ip`` is the pod's, where who made the address knew it and found
    it worth trying; ``port`` is where buildkitd listens in the pod, for an IP and for a port-forward.
    """

    pod: str
    namespace: str | None = None
    context: str | None = None
    container: str | None = None
    via: Via | None = None
    ip: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        query = _query(
            namespace=self.namespace,
            context=self.context,
            container=self.container,
            via=self.via,
            ip=self.ip,
            port=self.port,
        )
        return f"kube-pod://{self.pod}{query}"


@frozen
class DockerAddress:
    """``context`` is a docker context, ``endpoint`` a docker host (``unix:///var/run/docker.sock``).

    The endpoint wins; with neither, the environment decides as it does for the docker command.
    """

    context: str | None = None
    endpoint: str | None = None

    def __str__(self) -> str:
        return f"docker://{self.context or ''}{_query(host=self.endpoint)}"


@frozen
class DockerContainerAddress:
    """A container of the engine that ``context`` or ``endpoint`` name, as in ``DockerAddress``."""

    container: str
    context: str | None = None
    endpoint: str | None = None

    def __str__(self) -> str:
        return f"docker-container://{self.container}{_query(context=self.context, host=self.endpoint)}"


@frozen
class CommandContainerAddress:
    """A container that a command of the machine reaches; ``namespace`` is containerd's, for nerdctl alone."""

    tool: Literal["podman", "nerdctl"]
    container: str
    namespace: str | None = None

    def __str__(self) -> str:
        return f"{self.tool}-container://{self.container}{_query(namespace=self.namespace)}"


@frozen
class SshAddress:
    """A machine as ssh names it; ``socket`` is the path of buildkitd's there, None for buildctl's default."""

    host: str
    user: str | None = None
    port: int | None = None
    socket: str | None = None

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"ssh://{user}{_bracketed(self.host)}{port}{self.socket or ''}"


Address = (
    TcpAddress
    | UnixAddress
    | KubePodAddress
    | DockerAddress
    | DockerContainerAddress
    | CommandContainerAddress
    | SshAddress
)


@frozen
class DnsName:
    """A name all of whose addresses are daemons; ``server`` is the resolver to ask (``HOST[:PORT]``)."""

    name: str
    port: int = DEFAULT_PORT
    server: str | None = None

    def __str__(self) -> str:
        return f"dns://{self.name}:{self.port}{_query(server=self.server)}"


NamedAddress = tuple[str, Address | DnsName]
"""A daemon, or those behind a name of DNS, under the name that placement hashes."""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _query(**values: str | int | None) -> str:
    given = [
        f"{key.replace('_', '-')}={_quoted(str(value))}" for key, value in values.items() if value is not None
    ]
    return f"?{'&'.join(given)}" if given else ""


# What needs no escape in a query, and reads better without. urllib.parse would be loaded for this alone.
_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/:@")


def _quoted(value: str) -> str:
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in value.encode())
