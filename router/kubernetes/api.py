"""Requests to a Kubernetes API server: one on a connection of its own, or several on one connection.

Objects are plain JSON: typed models of them take longer to import than a listing takes.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from router.errors import DialError, UsageError
from router.kubernetes.config import KubeTarget
from router.kubernetes.credentials import Credentials, PluginAnswers, credentials_for
from router.model.frozen import frozen
from router.net.deadline import Deadline
from router.net.http1 import MOST_BODY, Reply, Request, exchange
from router.net.proxy import Proxy, connect_through, parse_proxy, proxy_from_environment
from router.net.sockets import describe_os_error
from router.net.tcp import connect_tcp
from router.net.tls import TLSPeer, describe_tls_error
from router.net.tls_context import bare_context, load_pair, trust_anyone
from router.notation.quoting import quoted
from router.untrusted_json import NotJSONError, read_json, text

__all__ = ["KubeApi", "KubeConnection", "Opened", "status_message", "tls_context"]

# The ``reason`` of an error where the API server has answered before and is not there now: it restarts.
_GONE = "no-api-server"

# Seconds. Servers keep a connection for longer; what lies between may not.
_MOST_IDLE = 5.0
# Bytes of an answer that is no list of all pods: as much JSON as is read.
_LARGEST = 1 << 24

_PORTS = {"https": 443, "http": 80}


@frozen
class Opened:
    """An answered request on its socket, which the receiver closes."""

    socket: socket.socket
    reply: Reply


class KubeApi:
    """The API server of a target, as its user; may be used by several threads at once.

    Holds one connection at most, for the next request: whoever lets it ``keep`` one says ``drop_idle``.
    """

    def __init__(
        self, target: KubeTarget, environment: Mapping[str, str], answers: PluginAnswers | None = None
    ) -> None:
        self.target = target
        self._environment = environment
        self._answers = answers
        try:
            parts = urlsplit(target.server)
            port = parts.port or _PORTS[parts.scheme]
        except (ValueError, KeyError):
            raise UsageError(f"the server {quoted(target.server)} in {target.source} is not a URL") from None
        if not parts.hostname:
            raise UsageError(f"the server {quoted(target.server)} in {target.source} is not a URL")
        self._host, self._port, self._netloc = parts.hostname, port, parts.netloc.rpartition("@")[2]
        self._base = parts.path.rstrip("/")
        self.name = f"the Kubernetes API server {target.server}"
        self._lock = threading.Lock()
        self._idle: tuple[KubeConnection, float] | None = None
        self._answered = False

    def drop_idle(self) -> None:
        """Close the connection that was kept, if there is one."""
        idle = self._take_idle()
        if idle is not None:
            idle.close()

    def get(self, path: str, deadline: Deadline) -> Reply:
        """Send a GET and return the whole answer. Raises DialError, ToolError, UsageError."""
        with self.connect(deadline) as connection:
            return connection.get(path, (("Accept", "application/json"), ("Connection", "close")), deadline)

    def post(self, path: str, body: bytes, deadline: Deadline) -> Reply:
        """Send JSON in a POST and return the whole answer. Raises DialError, ToolError, UsageError."""
        with self.connect(deadline) as connection:
            headers = (
                ("Accept", "application/json"),
                ("Content-Type", "application/json"),
                ("Connection", "close"),
            )
            return connection.post(path, headers, body, deadline)

    def open(self, path: str, headers: tuple[tuple[str, str], ...], deadline: Deadline) -> Opened:
        """Send a GET and return the answer with the socket. Raises DialError, ToolError, UsageError."""
        idle = self._take_idle()
        if idle is not None:
            with suppress(DialError):  # the server had enough of it: that is no news about the request
                return Opened(socket=idle.socket, reply=idle.get(path, headers, deadline))
        connection = self.connect(deadline)
        return Opened(socket=connection.socket, reply=connection.get(path, headers, deadline))

    def keep(self, connection: KubeConnection) -> None:
        """Take a connection whose last answer was read to its end, for a request that comes soon."""
        connection.kept = True
        with self._lock:
            before, self._idle = self._idle, (connection, time.monotonic())
        if before is not None:
            before[0].close()

    def _take_idle(self) -> KubeConnection | None:
        """Return the connection that was kept, unless the server has closed it or may have by now."""
        with self._lock:
            kept, self._idle = self._idle, None
        if kept is None:
            return None
        connection, since = kept
        if time.monotonic() - since < _MOST_IDLE and not select.select([connection.socket], [], [], 0)[0]:
            return connection
        connection.close()
        return None

    def connect(self, deadline: Deadline) -> KubeConnection:
        """Connect anew; the caller closes the connection. Raises DialError, ToolError, UsageError."""
        try:
            credentials = credentials_for(
                self.target, self._environment, timeout=deadline.remaining(), answers=self._answers
            )
        except TimeoutError as exc:
            raise self.unanswered(exc) from exc
        return KubeConnection(self, self._connect(credentials, deadline), credentials)

    @property
    def credentials_hint(self) -> str:
        """What to look at where the server does not accept the credentials."""
        if self.target.secure:
            return "kubectl auth whoami; a token may have expired"
        return (
            "like kubectl, warmroute sends no credentials over http://: should the server in "
            f"{self.target.source} begin with https://?"
        )

    def request(
        self, path: str, headers: tuple[tuple[str, str], ...], body: bytes = b"", *, method: str = ""
    ) -> Request:
        """Return a request in the terms of this server: without a method a GET, with a body a POST."""
        return Request(
            method=method or ("POST" if body else "GET"),
            target=self._base + path,
            host=self._netloc,
            headers=(("User-Agent", "warmroute"), *headers),
            body=body,
        )

    def unanswered(self, exc: OSError) -> DialError:
        """Return the error for a request that got no answer."""
        why = describe_tls_error(exc)[0] if isinstance(exc, ssl.SSLError) else describe_os_error(exc)
        reason = "timeout" if isinstance(exc, TimeoutError) else self._absence
        return DialError(
            f"no answer from {self.name}: {why}",
            hint=f"check that it is up, and that {self.target.source} names the right one",
            reason=reason,
            temporary=True,
        )

    def answered(self) -> None:
        """Take note that the API server is there."""
        self._answered = True

    @property
    def _absence(self) -> str | None:
        return _GONE if self._answered else None

    def _connect(self, credentials: Credentials, deadline: Deadline) -> socket.socket:
        if self.target.proxy:
            proxy: Proxy | None = parse_proxy(self.target.proxy)
        else:
            proxy = proxy_from_environment(self._host, self._port, self._environment)
        # Before the connection: a broken certificate should not leave one behind.
        context = tls_context(self.target, credentials) if self.target.secure else None
        if proxy is None:
            try:
                sock = connect_tcp(self._host, self._port, self.name, deadline, listener="the API server")
            except DialError as exc:
                if exc.reason == "refused":
                    exc.reason = self._absence or exc.reason
                raise
        else:
            sock = connect_through(proxy, self._host, self._port, deadline)
        if context is None:
            return sock
        peer = TLSPeer(
            name=self.name,
            server_name=self.target.server_name or self._host,
            context=context,
            advice=f"check the cluster's certificate-authority and the user in {self.target.source}",
        )
        return peer.handshake(sock, deadline)


class KubeConnection:
    """A connection to an API server that carries one request after the other; a context manager.

    After a failure it is closed. ``socket`` is for who takes the connection over.
    """

    def __init__(self, api: KubeApi, sock: socket.socket, credentials: Credentials) -> None:
        self.socket = sock
        self.kept = False  # by the API server's client, for its next request
        self._api = api
        self._credentials = credentials

    def get(
        self, path: str, headers: tuple[tuple[str, str], ...], deadline: Deadline, *, stream: bool = False
    ) -> Reply:
        """Send a GET; return the answer, of a 200 with ``stream`` all but its body. Raises DialError."""
        return self._exchange(self._api.request(path, self._with(headers)), deadline, stream=stream)

    def post(self, path: str, headers: tuple[tuple[str, str], ...], body: bytes, deadline: Deadline) -> Reply:
        """Send a POST; return the answer. Raises DialError."""
        return self._exchange(self._api.request(path, self._with(headers), body), deadline)

    def send(
        self,
        method: str,
        path: str,
        headers: tuple[tuple[str, str], ...],
        body: bytes,
        deadline: Deadline,
    ) -> Reply:
        """Send any request; return the answer, of 16 MiB at most. Raises DialError."""
        request = self._api.request(path, self._with(headers), body, method=method)
        return self._exchange(request, deadline, most=_LARGEST)

    def _with(self, headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return (*self._credentials.headers, *headers)

    def _exchange(
        self, request: Request, deadline: Deadline, *, stream: bool = False, most: int = MOST_BODY
    ) -> Reply:
        try:
            reply = exchange(self.socket, request, deadline, stream=stream, most=most)
        except OSError as exc:
            self.close()
            raise self._api.unanswered(exc) from exc
        self._api.answered()
        return reply

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if not self.kept:
            self.close()


def status_message(reply: Reply) -> str:
    """Return the message of a Kubernetes Status, else what there is to say about the answer."""
    said = ""
    with suppress(NotJSONError):
        said = text(read_json(reply.body), "message")
    return said or reply.text or reply.phrase or str(reply.status)


def tls_context(target: KubeTarget, credentials: Credentials) -> ssl.SSLContext:
    """Return what TLS with the API server goes by. Raises UsageError where its files can't be used."""
    context = bare_context(("http/1.1",))
    if target.insecure:
        trust_anyone(context)
    elif target.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        try:
            context.load_verify_locations(cadata=target.ca.decode("ascii"))
        except (ssl.SSLError, UnicodeDecodeError) as exc:
            raise UsageError(f"the certificate-authority in {target.source} is not in PEM form") from exc
    if credentials.cert is not None and credentials.key is not None:
        try:
            load_pair(context, credentials.cert, credentials.key)
        except ssl.SSLError as exc:
            raise UsageError(f"the client certificate and key in {target.source} can't be used") from exc
    return context
