"""The addresses of daemons as text and as values. Pure: nothing is looked up or connected here.

======================================================  =====================================================
``tcp://HOST[:PORT]``                                   TCP, with TLS where the options ask for it
``unix://PATH``                                         a socket on this machine
``kube-pod://POD?namespace=&context=&container=``       ``buildctl dial-stdio`` run in a pod
``docker://[CONTEXT][?host=ENDPOINT]``                  the BuildKit inside a Docker engine
======================================================  =====================================================

A scheme is one dataclass, one parser in ``_PARSERS`` and one dialling module.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import assert_never

from router.errors import UsageError
from router.model.frozen import frozen

__all__ = [
    "DEFAULT_PORT",
    "Address",
    "DockerAddress",
    "KubePodAddress",
    "TcpAddress",
    "UnixAddress",
    "format_address",
    "parse_address",
]

DEFAULT_PORT = 1234
"""Where buildkitd listens by convention."""


@frozen
class TcpAddress:
    """``host`` is a name or an IP address; IPv6 stands here without its brackets."""

    host: str
    port: int = DEFAULT_PORT


@frozen
class UnixAddress:
    """A relative ``path`` is relative to the working directory; ``@`` opens Linux' abstract namespace."""

    path: str


@frozen
class KubePodAddress:
    """None: the context's namespace, the current context, the pod's default container."""

    pod: str
    namespace: str | None = None
    context: str | None = None
    container: str | None = None


@frozen
class DockerAddress:
    """``context`` is a docker context, ``endpoint`` a docker host (``unix:///var/run/docker.sock``).

    The endpoint wins; with neither, the environment decides as it does for the docker command.
    """

    context: str | None = None
    endpoint: str | None = None


Address = TcpAddress | UnixAddress | KubePodAddress | DockerAddress


def parse_address(text: str) -> Address:
    """Read an address. Raises UsageError, whose hint names the schemes there are."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise UsageError(f"the address {text!r} has no scheme", hint=_scheme_hint(text))
    parse = _PARSERS.get(scheme)
    if parse is None:
        raise UsageError(f"the address {text!r} has the unknown scheme {scheme!r}", hint=_SUPPORTED)
    return parse(rest, text)


def format_address(address: Address) -> str:
    """Write an address so that ``parse_address`` reads it back."""
    match address:
        case TcpAddress():
            host = f"[{address.host}]" if ":" in address.host else address.host
            return f"tcp://{host}:{address.port}"
        case UnixAddress():
            return f"unix://{address.path}"
        case KubePodAddress():
            query = {
                "namespace": address.namespace,
                "context": address.context,
                "container": address.container,
            }
            return f"kube-pod://{address.pod}{_format_query(query)}"
        case DockerAddress():
            return f"docker://{address.context or ''}{_format_query({'host': address.endpoint})}"
        case _:
            assert_never(address)


def _parse_tcp(rest: str, text: str) -> TcpAddress:
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s/?#@:\[\]]+))(?::(\d{1,5}))?/?", rest)
    if match is None:
        hint = "tcp://HOST:PORT"
        if rest.count(":") > 1 and "[" not in rest:
            hint += ", with brackets around an IPv6 address: tcp://[::1]:1234"
        raise UsageError(f"the address {text!r} is not a host and a port", hint=hint)
    host = match[1] or match[2]
    port = int(match[3]) if match[3] else DEFAULT_PORT
    if not 0 < port < 65536:
        raise UsageError(f"the address {text!r} has no valid port", hint="a port is between 1 and 65535")
    return TcpAddress(host=host, port=port)


def _parse_unix(rest: str, text: str) -> UnixAddress:
    if not rest or "\0" in rest:
        raise UsageError(f"the address {text!r} has no path", hint="unix:///run/buildkit/buildkitd.sock")
    return UnixAddress(path=rest)


def _parse_kube_pod(rest: str, text: str) -> KubePodAddress:
    pod, query = _split_query(rest, text, known=("namespace", "context", "container"))
    checked = {
        "pod": pod.removesuffix("/"),
        "namespace": query.get("namespace"),
        "container": query.get("container"),
    }
    for what, name in checked.items():
        if name is not None and not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name):
            raise UsageError(
                f"the address {text!r} has no valid {what} name ({name!r})",
                hint="kube-pod://POD?namespace=NAMESPACE&context=CONTEXT&container=CONTAINER",
            )
    return KubePodAddress(
        pod=pod.removesuffix("/"),
        namespace=query.get("namespace"),
        context=query.get("context"),
        container=query.get("container"),
    )


def _parse_docker(rest: str, text: str) -> DockerAddress:
    context, query = _split_query(rest, text, known=("host",))
    context = context.removesuffix("/")
    if context and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", context):
        raise UsageError(
            f"the address {text!r} has no valid docker context ({context!r})",
            hint="docker://CONTEXT, or docker://?host=unix:///var/run/docker.sock",
        )
    return DockerAddress(context=context or None, endpoint=query.get("host"))


def _split_query(rest: str, text: str, *, known: tuple[str, ...]) -> tuple[str, Mapping[str, str]]:
    """Split ``NAME?KEY=VALUE&...``; an empty value counts as not given, as it does for buildctl."""
    name, question, query = rest.partition("?")
    if not question:
        return name, {}
    from urllib.parse import parse_qsl

    pairs = dict(parse_qsl(query, keep_blank_values=True))
    unknown = [key for key in pairs if key not in known]
    if unknown:
        raise UsageError(
            f"the address {text!r} has the unknown parameter {unknown[0]!r}",
            hint=f"known parameters: {', '.join(known)}",
        )
    return name, {key: value for key, value in pairs.items() if value}


def _format_query(values: Mapping[str, str | None]) -> str:
    from urllib.parse import quote

    given = [f"{key}={quote(value, safe='/:@')}" for key, value in values.items() if value is not None]
    return f"?{'&'.join(given)}" if given else ""


def _scheme_hint(text: str) -> str:
    if text.startswith(("/", ".")):
        return f"for a socket on this machine: unix://{text}"
    if re.fullmatch(r"[^\s/]+:\d+", text):
        return f"for TCP: tcp://{text}"
    return _SUPPORTED


_PARSERS: Mapping[str, Callable[[str, str], Address]] = {
    "tcp": _parse_tcp,
    "unix": _parse_unix,
    "kube-pod": _parse_kube_pod,
    "docker": _parse_docker,
}

_SUPPORTED = f"supported: {', '.join(f'{scheme}://' for scheme in _PARSERS)}"
