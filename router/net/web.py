"""One request to a web server: http or https, through the environment's proxy, with redirects.

For services on the internet: trusts the system's CAs by default. Blocks, under a deadline.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Mapping
from urllib.parse import urljoin

from router.errors import DialError, UsageError
from router.model.frozen import field, frozen
from router.model.tls import TLSOptions
from router.net.deadline import Deadline
from router.net.http1 import Reply, Request, TooLargeError, exchange
from router.net.proxy import connect_through, proxy_from_environment
from router.net.sockets import describe_os_error
from router.net.tcp import connect_tcp
from router.net.tls import TLSPeer, describe_tls_error
from router.net.tls_context import client_context
from router.notation.quoting import quoted
from router.notation.url import URL, parse_url, without_credentials

__all__ = ["WebRequest", "fetch", "is_same_host", "location_of"]

_PORTS = {"https": 443, "http": 80}
_MOST_BODY = 1024 * 1024
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
# The characters of a request line; any other would begin another header, or another request.
_TARGET = r"[!-~]*"

_ADVICE = "if this machine does not trust its CA, set SSL_CERT_FILE to a bundle that has it"


@frozen
class WebRequest:
    """``headers`` and ``body`` may carry credentials and are left out of the repr.

    ``authorization`` is sent only to the URL's own host, whatever it redirects to. An answer of more than
    ``most`` bytes is an error. Without ``follows`` a redirect is returned unchanged.
    """

    url: str
    method: str = "GET"
    authorization: str = field(default="", repr=False)
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    most: int = _MOST_BODY
    follows: bool = True


def fetch(
    request: WebRequest,
    environment: Mapping[str, str],
    deadline: Deadline,
    context: ssl.SSLContext | None = None,
) -> Reply:
    """Send a request and return the answer, whatever its status. ``context`` replaces the system's CAs.

    GET and HEAD follow redirects, but not from https to http; another method's redirect is returned
    unchanged. Raises ``UsageError`` for an invalid URL or proxy, ``DialError`` if there is no answer, or one
    that isn't HTTP or is too large.
    """
    first = url = _checked(request.url)
    for _ in range(_MOST_REDIRECTS):
        same_host = (url.scheme, url.host, url.port) == (first.scheme, first.host, first.port)
        authorization = request.authorization if same_host else ""
        reply = _exchange(url, request, authorization, environment, deadline, context)
        if not _is_followed(request, reply):
            return reply
        url = _redirected(url, reply.headers["location"])
    raise DialError(f"{_shown(first)} redirects more than {_MOST_REDIRECTS} times")


def location_of(request: WebRequest, reply: Reply) -> str:
    """Return the whole URL that an answer's Location names, empty where there is none.

    Raises ``DialError`` for one that is invalid, or on plain http where the request was not.
    """
    location = reply.headers.get("location", "")
    return _text(_redirected(_checked(request.url), location)) if location else ""


def is_same_host(url: str, other: str) -> bool:
    """Say whether two URLs have the same scheme, host and port. Raises ``UsageError`` for an invalid one."""
    return _shown(_checked(url)) == _shown(_checked(other))


def _is_followed(request: WebRequest, reply: Reply) -> bool:
    moved = reply.status in _REDIRECTS and "location" in reply.headers
    return moved and request.follows and request.method in {"GET", "HEAD"}


def _checked(text: str) -> URL:
    url = parse_url(text)
    if (
        url is None
        or url.scheme not in _PORTS
        or not url.host
        or not re.fullmatch(_TARGET, url.host + url.path + url.query)
        or int(url.port or 1) not in range(1, 65536)
    ):
        raise UsageError(f"{quoted(without_credentials(text)[:200])} is not an http or https URL")
    return url


def _redirected(url: URL, location: str) -> URL:
    try:
        there = _checked(urljoin(_text(url), location))
    except (UsageError, ValueError):
        raise DialError(f"{_shown(url)} redirects to an invalid URL") from None
    if url.scheme == "https" and there.scheme == "http":
        raise DialError(f"{_shown(url)} redirects to plain http, which is not followed")
    return there


def _exchange(  # noqa: PLR0913, PLR0917 - one request's surroundings, one after the other
    url: URL,
    request: WebRequest,
    authorization: str,
    environment: Mapping[str, str],
    deadline: Deadline,
    context: ssl.SSLContext | None,
) -> Reply:
    host = url.host.strip("[]")
    port = int(url.port or _PORTS[url.scheme])
    secure = url.scheme == "https"
    name = _shown(url)
    headers = (*request.headers, ("User-Agent", "warmroute"), ("Accept", "*/*"), ("Connection", "close"))
    if authorization:
        headers = (("Authorization", authorization), *headers)
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    variable = "HTTPS_PROXY" if secure else "HTTP_PROXY"
    proxy = proxy_from_environment(host, port, environment, variable=variable)
    if proxy is None:
        sock = connect_tcp(host, port, name, deadline, listener="the server")
    elif secure or proxy.scheme != "http":
        sock = connect_through(proxy, host, port, deadline)
    else:  # an HTTP proxy gets the whole URL
        sock = connect_tcp(proxy.host, proxy.port, str(proxy), deadline, listener="the proxy")
        target, headers = f"{name}{target}", (*headers, *proxy.headers)
    if secure:
        context = context or client_context(TLSOptions(), alpn=("http/1.1",))
        sock = TLSPeer(name=name, server_name=host, context=context, advice=_ADVICE).handshake(sock, deadline)
    wire = Request(
        method=request.method, target=target, host=_netloc(url), headers=headers, body=request.body
    )
    return _answer(sock, wire, name, deadline, request.most)


def _answer(sock: socket.socket, request: Request, name: str, deadline: Deadline, most: int) -> Reply:
    with sock:
        try:
            return exchange(sock, request, deadline, most=most)
        except TooLargeError as exc:
            raise DialError(f"{name}: {exc}, more than {most} bytes", reason="too-large") from exc
        except OSError as exc:
            why = describe_tls_error(exc)[0] if isinstance(exc, ssl.SSLError) else describe_os_error(exc)
            raise DialError(f"no answer from {name}: {why}", temporary=True) from exc


def _netloc(url: URL) -> str:
    return f"{url.host}:{url.port}" if url.port else url.host


def _shown(url: URL) -> str:
    return f"{url.scheme}://{_netloc(url)}"


def _text(url: URL) -> str:
    return f"{_shown(url)}{url.path}" + (f"?{url.query}" if url.query else "")
