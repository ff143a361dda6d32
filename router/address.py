"""Read the addresses of daemons. Pure: nothing is looked up or connected here.

The values are in ``router.model.address``, with what each scheme means. ``dns://NAME[:PORT]`` is read here
too, but it names a fleet, which ``router.fleet`` resolves to addresses of daemons. An error names the flag,
the variable or the key of a file that the address came from.
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
from router.model.frozen import frozen, replace
from router.model.routing import Via
from router.notation.flag import Flag
from router.notation.quoting import quoted
from router.notation.url import without_credentials

__all__ = ["format_for_tools", "parse_address", "parse_daemons"]

_HOST = r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s/?#@:\[\]]+))"
_NAME = r"[A-Za-z0-9][A-Za-z0-9_.+-]*"


_ADDRESS = Flag(name="address", example="tcp://HOST:1234")


@frozen
class _Given:
    """An address as it was written, and what it was given by."""

    text: str
    flag: Flag

    def error(self, why: str, hint: str) -> UsageError:
        return UsageError(
            f"invalid {self.flag.name} {quoted(without_credentials(self.text))}: {why}", hint=hint
        )


def parse_address(text: str, flag: Flag = _ADDRESS) -> Address:
    """Read the address of one daemon. Raises UsageError naming ``flag``; its hint helps with the scheme."""
    given = _Given(text=text, flag=flag)
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise given.error(f"no scheme such as tcp://{_meant(text)}", _SUPPORTED)
    if scheme == "dns":
        raise given.error("it names a fleet, not one daemon", "pass it as --addr or BUILDKIT_HOST")
    parse = _PARSERS.get(scheme)
    if parse is None:
        raise given.error(f"unknown scheme {quoted(scheme)}", _SUPPORTED)
    return parse(rest, given)


def parse_daemons(text: str, flag: Flag = _ADDRESS) -> Address | DnsName:
    """Read the address of one daemon, or the name (``dns://NAME[:PORT][?server=]``) of many; as above."""
    if not text.startswith("dns://"):
        return parse_address(text, flag)
    given = _Given(text=text, flag=flag)
    where, query = _split_query(text.removeprefix("dns://"), given, known=("server",))
    match = re.fullmatch(r"([\w-]+(?:\.[\w-]+)*)\.?(?::(\d{1,5}))?/?", where)
    if match is None:
        raise given.error("no name to resolve", "dns://NAME:PORT")
    return DnsName(name=match[1], port=_port(match[2], given) or DEFAULT_PORT, server=query.get("server"))


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


def _parse_tcp(rest: str, given: _Given) -> TcpAddress:
    where, query = _split_query(rest, given, known=("server-name",))
    match = re.fullmatch(rf"{_HOST}(?::(\d{{1,5}}))?/?", where)
    if match is None:
        hint = "tcp://HOST:PORT"
        if where.count(":") > 1 and "[" not in where:
            hint += ", with brackets around an IPv6 address: tcp://[::1]:1234"
        raise given.error("not a host and a port", hint)
    return TcpAddress(
        host=_lowered(match[1] or match[2]),
        port=_port(match[3], given) or DEFAULT_PORT,
        server_name=query.get("server-name"),
    )


def _parse_unix(rest: str, given: _Given) -> UnixAddress:
    if not rest or "\0" in rest:
        raise given.error("no path", "unix:///run/buildkit/buildkitd.sock")
    return UnixAddress(path=rest)


def _parse_kube_pod(rest: str, given: _Given) -> KubePodAddress:
    known = ("namespace", "context", "container", "via", "ip", "port")
    pod, query = _split_query(rest, given, known=known)
    pod = pod.removesuffix("/")
    checked = {"pod": pod, "namespace": query.get("namespace"), "container": query.get("container")}
    for what, name in checked.items():
        if name is not None and not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name):
            raise given.error(
                f"no valid {what} name ({quoted(name)})",
                "kube-pod://POD?namespace=NAMESPACE&context=CONTEXT&container=CONTAINER",
            )
    via = query.get("via")
    if via is not None and via not in get_args(Via):
        raise given.error(
            f"unknown way to a pod ({quoted(via)})",
            f"via is one of {', '.join(get_args(Via))}",
        )
    ip = query.get("ip")
    if ip is not None and not re.fullmatch(r"[0-9A-Fa-f:.]+", ip):
        raise given.error(f"no valid IP address ({quoted(ip)})", "ip=10.0.0.7")
    return KubePodAddress(
        pod=pod,
        namespace=query.get("namespace"),
        context=query.get("context"),
        container=query.get("container"),
        via=cast("Via | None", via),
        ip=ip,
        port=_port(query.get("port"), given),
    )


def _parse_docker(rest: str, given: _Given) -> DockerAddress:
    context, query = _split_query(rest, given, known=("host",))
    context = context.removesuffix("/")
    if context and not re.fullmatch(_NAME, context):
        raise given.error(
            f"no valid docker context ({quoted(context)})",
            "docker://CONTEXT, or docker://?host=unix:///var/run/docker.sock",
        )
    return DockerAddress(context=context or None, endpoint=query.get("host"))


def _parse_docker_container(rest: str, given: _Given) -> DockerContainerAddress:
    container, query = _split_query(rest, given, known=("context", "host"))
    context = query.get("context")
    if context is not None and not re.fullmatch(_NAME, context):
        raise given.error(
            f"no valid docker context ({quoted(context)})",
            "docker context ls",
        )
    return DockerContainerAddress(
        container=_container(container, given), context=context, endpoint=query.get("host")
    )


def _parse_podman_container(rest: str, given: _Given) -> CommandContainerAddress:
    container, _ = _split_query(rest, given, known=())
    return CommandContainerAddress(tool="podman", container=_container(container, given))


def _parse_nerdctl_container(rest: str, given: _Given) -> CommandContainerAddress:
    container, query = _split_query(rest, given, known=("namespace",))
    namespace = query.get("namespace")
    if namespace is not None and not re.fullmatch(_NAME, namespace):
        raise given.error(
            f"no valid namespace ({quoted(namespace)})",
            "nerdctl namespace ls",
        )
    return CommandContainerAddress(
        tool="nerdctl", container=_container(container, given), namespace=namespace
    )


def _container(name: str, given: _Given) -> str:
    name = name.removesuffix("/")
    # It stands in the command line of podman and nerdctl, so that it must not look like an option.
    if not re.fullmatch(_NAME, name):
        scheme = given.text.partition("://")[0]
        raise given.error(
            f"no valid container name ({quoted(name)})",
            f"{scheme}://NAME",
        )
    return name


def _parse_ssh(rest: str, given: _Given) -> SshAddress:
    match = re.fullmatch(
        # Neither may look like an option of ssh.
        rf"(?:(?P<user>[^-@:/?#\s][^@:/?#\s]*)@)?(?!-){_HOST}(?::(?P<port>\d{{1,5}}))?(?P<path>/[^?#\0]*)?",
        rest,
    )
    if match is None:
        raise given.error(
            "not a valid ssh address",
            "ssh://USER@HOST:PORT/run/buildkit/buildkitd.sock; it can't hold a password",
        )
    path = match["path"]
    return SshAddress(
        host=match[2] or match[3],
        user=match["user"],
        port=_port(match["port"], given),
        socket=None if path in {None, "/"} else path,
    )


def _port(digits: str | None, given: _Given) -> int | None:
    if not digits:
        return None
    if not digits.isdigit() or not 0 < int(digits) < 65536:
        raise given.error("no valid port", "a port is between 1 and 65535")
    return int(digits)


def _split_query(rest: str, given: _Given, *, known: tuple[str, ...]) -> tuple[str, Mapping[str, str]]:
    """Split ``NAME?KEY=VALUE&...``; an empty value counts as not given, as it does for buildctl."""
    name, question, query = rest.partition("?")
    if not question:
        return name, {}
    from urllib.parse import parse_qsl

    pairs = dict(parse_qsl(query, keep_blank_values=True))
    unknown = [key for key in pairs if key not in known]
    if unknown:
        raise given.error(
            f"unknown parameter {quoted(unknown[0])}",
            f"known parameters: {', '.join(known) or 'none'}",
        )
    return name, {key: value for key, value in pairs.items() if value}


def _lowered(host: str) -> str:
    """Names of hosts are the same in capitals, the zone behind an IPv6 address (``%eth0``) is not."""
    name, percent, zone = host.partition("%")
    return f"{name.lower()}{percent}{zone}"


def _meant(text: str) -> str:
    """Return what an address without a scheme can have meant, in parentheses; empty for what is like none."""
    if text.startswith(("/", ".")):
        return f" (did you mean unix://{text}?)"
    if match := re.fullmatch(rf"{_HOST}(:\d{{1,5}})?", text):
        return f" (did you mean tcp://{text}{'' if match[3] else f':{DEFAULT_PORT}'}?)"
    return ""


_PARSERS: Mapping[str, Callable[[str, _Given], Address]] = {
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
