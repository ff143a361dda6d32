"""A TCP connection through a proxy: HTTP's CONNECT or SOCKS5.

``HTTPS_PROXY``, ``HTTP_PROXY`` and ``NO_PROXY`` are read as kubectl, a Go program, reads them.
"""

from __future__ import annotations

import socket
from base64 import b64encode
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import unquote, urlsplit

from router.errors import DialError, UsageError
from router.model.frozen import field, frozen
from router.net.deadline import Deadline
from router.net.http1 import Request, exchange
from router.net.sockets import describe_os_error
from router.net.tcp import connect_tcp

__all__ = ["Proxy", "connect_through", "parse_proxy", "proxy_from_environment"]

_DEFAULT_PORTS = {"http": 80, "socks5": 1080, "socks5h": 1080}


@frozen
class Proxy:
    """``login`` is user and password."""

    scheme: str
    host: str
    port: int
    login: tuple[str, str] | None = field(default=None, repr=False)

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The headers that an HTTP proxy gets besides the request: the login."""
        if not self.login:
            return ()
        return (("Proxy-Authorization", f"Basic {b64encode(':'.join(self.login).encode()).decode()}"),)

    def __str__(self) -> str:
        return f"the proxy {self.scheme}://{self.host}:{self.port}"


def parse_proxy(text: str) -> Proxy:
    """Parse a proxy's URL; without a scheme it is HTTP. Raises UsageError."""
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port
    except ValueError:
        port, parts = None, urlsplit("")
    # The URL may hold a password, so no message shows it.
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        scheme = f" ({parts.scheme}://)" if parts.scheme else ""
        raise UsageError(
            f"the proxy URL{scheme} is not supported",
            hint="supported: http://HOST:PORT, socks5://HOST:PORT",
        )
    login = (unquote(parts.username), unquote(parts.password or "")) if parts.username else None
    return Proxy(
        scheme=parts.scheme, host=parts.hostname, port=port or _DEFAULT_PORTS[parts.scheme], login=login
    )


def proxy_from_environment(
    host: str, port: int, environment: Mapping[str, str], *, variable: str = "HTTPS_PROXY"
) -> Proxy | None:
    """Return the proxy for a server, None for a direct connection. Raises UsageError.

    ``variable`` is HTTP_PROXY for a server without TLS; both names may be in lower case.
    """
    text = environment.get(variable) or environment.get(variable.lower())
    if not text:
        return None
    excluded = environment.get("NO_PROXY") or environment.get("no_proxy") or ""
    return None if _is_excluded(host.lower(), port, excluded) else parse_proxy(text)


def connect_through(proxy: Proxy, host: str, port: int, deadline: Deadline) -> socket.socket:
    """Return a socket that the proxy has connected to ``host``. Raises DialError."""
    sock = connect_tcp(proxy.host, proxy.port, str(proxy), deadline, listener="the proxy")
    try:
        if proxy.scheme == "http":
            why = _tunnel(sock, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}", deadline)
        else:
            sock.settimeout(deadline.remaining())
            why = _socks(sock, proxy, host, port)
    except OSError as exc:
        sock.close()
        raise DialError(f"{proxy} failed: {describe_os_error(exc)}", temporary=True) from exc
    if why:
        sock.close()
        raise DialError(f"{proxy} could not connect to {host}:{port}: {why}", temporary=True)
    return sock


def _is_excluded(host: str, port: int, excluded: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    for entry in (part.strip().lower() for part in excluded.split(",")):
        if entry == "*":
            return True
        name, _, entry_port = entry.partition(":") if entry.count(":") == 1 else (entry, "", "")
        if not name or (entry_port and entry_port != str(port)):
            continue
        try:
            if address is not None and address in ip_network(name, strict=False):
                return True
        except ValueError:
            pass  # a host name
        domain = name.removeprefix("*").removeprefix(".")
        if host.endswith(f".{domain}") or (host == domain and name[0] not in "*."):
            return True
    return False


def _tunnel(sock: socket.socket, proxy: Proxy, where: str, deadline: Deadline) -> str:
    """Ask an HTTP proxy for a tunnel; return the reason for a refusal, empty on success."""
    request = Request(method="CONNECT", target=where, host=where, headers=proxy.headers)
    reply = exchange(sock, request, deadline)
    return "" if 200 <= reply.status < 300 else f"{reply.status} {reply.phrase}".strip()


def _socks(sock: socket.socket, proxy: Proxy, host: str, port: int) -> str:
    """Ask a SOCKS5 proxy (RFC 1928, 1929) for a connection; the proxy resolves the name."""
    sock.sendall(b"\5\2\0\2" if proxy.login else b"\5\1\0")
    version, method = _exactly(sock, 2)
    if version != 5 or method == 0xFF:
        return "it requires an unsupported kind of login" if version == 5 else "it is not a SOCKS5 proxy"
    if method == 2 and proxy.login:
        user, password = (text.encode()[:255] for text in proxy.login)
        sock.sendall(b"\1" + bytes([len(user)]) + user + bytes([len(password)]) + password)
        if _exactly(sock, 2)[1] != 0:
            return "it refused the user and password"
    name = host.encode("idna")
    sock.sendall(b"\5\1\0\3" + bytes([len(name)]) + name + port.to_bytes(2, "big"))
    _, code, _, kind = _exactly(sock, 4)
    sizes = {1: 4, 4: 16}
    _exactly(sock, (sizes[kind] if kind in sizes else _exactly(sock, 1)[0]) + 2)
    return "" if code == 0 else f"SOCKS5 error {code}"


def _exactly(sock: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = sock.recv(size - len(data))
        if not more:
            raise ConnectionResetError("it closed the connection")
        data += more
    return data
