"""Read the addresses of daemons. Pure: nothing is looked up or connected here.

The values are in ``router.model.address``, with what each scheme means. ``dns://NAME[:PORT]`` is read here
too, but it names a fleet, which ``router.fleet`` resolves to addresses of daemons.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import cast, get_args

from router.errors import UsageError
from router.model.address import (
    DEFAULT_PORT,
    Address,
    CommandContainerAddress,
    DnsName,
    DockerAddress,
    DockerContainerAddress,
    KubePodAddress,
    SshAddress,
    TcpAddress,
    UnixAddress,
)
from router.model.frozen import replace
from router.model.routing import Via
from router.notation.quoting import quoted
from router.notation.url import without_credentials

__all__ = ["format_for_tools", "parse_address", "parse_dns_name"]

_HOST = r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s/?#@:\[\]]+))"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.+-]*"


def parse_address(text: str) -> Address:
    """Read an address. Raises UsageError, whose hint names the schemes there are."""
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise UsageError(f"the address {quoted(text)} has no scheme", hint=_scheme_hint(text))
    if scheme == "dns":
        raise UsageError(
            f"the address {quoted(text)} names a fleet, not one daemon",
            hint="pass it as --addr or BUILDKIT_HOST",
        )
    parse = _PARSERS.get(scheme)
    if parse is None:
        raise UsageError(
            f"the address {quoted(text)} has the unknown scheme {quoted(scheme)}", hint=_SUPPORTED
        )
    return parse(rest, text)


def parse_dns_name(text: str) -> DnsName | None:
    """Read ``dns://NAME[:PORT][?server=]``, None where it is no such address. Raises UsageError."""
    if not text.startswith("dns://"):
        return None
    where, query = _split_query(text.removeprefix("dns://"), text, known=("server",))
    match = re.fullmatch(r"([\w-]+(?:\.[\w-]+)*)\.?(?::(\d{1,5}))?/?", where)
    if match is None:
        raise UsageError(f"the address {quoted(text)} has no name to resolve", hint="dns://NAME:PORT")
    return DnsName(name=match[1], port=_port(match[2], text) or DEFAULT_PORT, server=query.get("server"))


def format_for_tools(address: Address) -> str | None:
    """Write an address for BuildKit's own tools, which know less; None where they have no way there."""
    match address:
        case TcpAddress():
            return str(replace(address, server_name=None))
        case KubePodAddress(ip=str(ip)) if address.via in {None, "auto", "pod-ip"}:
            return str(TcpAddress(host=ip, port=address.port or DEFAULT_PORT))
        case KubePodAddress(via=None | "auto" | "exec"):
            return str(replace(address, via=None, ip=None, port=None))
        case KubePodAddress() | DockerAddress() | DockerContainerAddress(endpoint=str()):
            return None
        case _:
            return str(address)


def _parse_tcp(rest: str, text: str) -> TcpAddress:
    where, query = _split_query(rest, text, known=("server-name",))
    match = re.fullmatch(rf"{_HOST}(?::(\d{{1,5}}))?/?", where)
    if match is None:
        hint = "tcp://HOST:PORT"
        if where.count(":") > 1 and "[" not in where:
            hint += ", with brackets around an IPv6 address: tcp://[::1]:1234"
        raise UsageError(f"the address {quoted(text)} is not a host and a port", hint=hint)
    return TcpAddress(
        host=match[1] or match[2],
        port=_port(match[3], text) or DEFAULT_PORT,
        server_name=query.get("server-name"),
    )


def _parse_unix(rest: str, text: str) -> UnixAddress:
    if not rest or "\0" in rest:
        raise UsageError(
            f"the address {quoted(text)} has no path", hint="unix:///run/buildkit/buildkitd.sock"
        )
    return UnixAddress(path=rest)


def _parse_kube_pod(rest: str, text: str) -> KubePodAddress:
    known = ("namespace", "context", "container", "via", "ip", "port")
    pod, query = _split_query(rest, text, known=known)
    pod = pod.removesuffix("/")
    checked = {"pod": pod, "namespace": query.get("namespace"), "container": query.get("container")}
    for what, name in checked.items():
        if name is not None and not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name):
            raise UsageError(
                f"the address {quoted(text)} has no valid {what} name ({quoted(name)})",
                hint="kube-pod://POD?namespace=NAMESPACE&context=CONTEXT&container=CONTAINER",
            )
    via = query.get("via")
    if via is not None and via not in get_args(Via):
        raise UsageError(
            f"the address {quoted(text)} has an unknown way to a pod ({quoted(via)})",
            hint=f"via is one of {', '.join(get_args(Via))}",
        )
    ip = query.get("ip")
    if ip is not None and not re.fullmatch(r"[0-9A-Fa-f:.]+", ip):
        raise UsageError(
            f"the address {quoted(text)} has no valid IP address ({quoted(ip)})", hint="ip=10.0.0.7"
        )
    return KubePodAddress(
        pod=pod,
        namespace=query.get("namespace"),
        context=query.get("context"),
        container=query.get("container"),
        via=cast("Via | None", via),
        ip=ip,
        port=_port(query.get("port"), text),
    )


def _parse_docker(rest: str, text: str) -> DockerAddress:
    context, query = _split_query(rest, text, known=("host",))
    context = context.removesuffix("/")
    if context and not re.fullmatch(_NAME, context):
        raise UsageError(
            f"the address {quoted(text)} has no valid docker context ({quoted(context)})",
            hint="docker://CONTEXT, or docker://?host=unix:///var/run/docker.sock",
        )
    return DockerAddress(context=context or None, endpoint=query.get("host"))


def _parse_docker_container(rest: str, text: str) -> DockerContainerAddress:
    container, query = _split_query(rest, text, known=("context", "host"))
    context = query.get("context")
    if context is not None and not re.fullmatch(_NAME, context):
        raise UsageError(
            f"the address {quoted(text)} has no valid docker context ({quoted(context)})",
            hint="docker context ls",
        )
    return DockerContainerAddress(
        container=_container(container, text), context=context, endpoint=query.get("host")
    )


def _parse_podman_container(rest: str, text: str) -> CommandContainerAddress:
    container, _ = _split_query(rest, text, known=())
    return CommandContainerAddress(tool="podman", container=_container(container, text))


def _parse_nerdctl_container(rest: str, text: str) -> CommandContainerAddress:
    container, query = _split_query(rest, text, known=("namespace",))
    namespace = query.get("namespace")
    if namespace is not None and not re.fullmatch(_NAME, namespace):
        raise UsageError(
            f"the address {quoted(text)} has no valid namespace ({quoted(namespace)})",
            hint="nerdctl namespace ls",
        )
    return CommandContainerAddress(tool="nerdctl", container=_container(container, text), namespace=namespace)


def _container(name: str, text: str) -> str:
    name = name.removesuffix("/")
    # It stands in the command line of podman and nerdctl, so that it must not look like an option.
    if not re.fullmatch(_NAME, name):
        scheme = text.partition("://")[0]
        raise UsageError(
            f"the address {quoted(text)} has no valid container name ({quoted(name)})",
            hint=f"{scheme}://NAME",
        )
    return name


def _parse_ssh(rest: str, text: str) -> SshAddress:
    match = re.fullmatch(
        # Neither may look like an option of ssh.
        rf"(?:(?P<user>[^-@:/?#\s][^@:/?#\s]*)@)?(?!-){_HOST}(?::(?P<port>\d{{1,5}}))?(?P<path>/[^?#\0]*)?",
        rest,
    )
    if match is None:
        raise UsageError(
            f"the address {quoted(without_credentials(text))} is not a valid ssh address",
            hint="ssh://USER@HOST:PORT/run/buildkit/buildkitd.sock; it can't hold a password",
        )
    path = match["path"]
    return SshAddress(
        host=match[2] or match[3],
        user=match["user"],
        port=_port(match["port"], text),
        socket=None if path in {None, "/"} else path,
    )


def _port(digits: str | None, text: str) -> int | None:
    if not digits:
        return None
    if not digits.isdigit() or not 0 < int(digits) < 65536:
        raise UsageError(
            f"the address {quoted(text)} has no valid port", hint="a port is between 1 and 65535"
        )
    return int(digits)


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
            f"the address {quoted(text)} has the unknown parameter {quoted(unknown[0])}",
            hint=f"known parameters: {', '.join(known) or 'none'}",
        )
    return name, {key: value for key, value in pairs.items() if value}


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
    "docker-container": _parse_docker_container,
    "podman-container": _parse_podman_container,
    "nerdctl-container": _parse_nerdctl_container,
    "ssh": _parse_ssh,
}

_SUPPORTED = f"supported: {', '.join(f'{scheme}://' for scheme in (*_PARSERS, 'dns'))}"
