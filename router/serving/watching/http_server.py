"""As much of an HTTP/1.1 server as a page for a few people needs: GET and HEAD, one request a connection.

What connects may be anybody on this machine, or a web page in somebody's browser that is told to: heads are
bounded, so are connections and streams, who doesn't send or doesn't read is let go, and only requests that
name this machine, or an address, are answered (a name may be anybody's: DNS rebinding).
"""

from __future__ import annotations

import ipaddress
import re
import select
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from router.closing import Closing
from router.model.frozen import field, frozen
from router.net.deadline import Deadline
from router.serving.accepting import ListeningSocket

__all__ = ["HttpServer", "Page", "Stream"]

_MOST_HEAD, _RECEIVE = 16 << 10, 4096
# Seconds for a request to come, and for what is sent to be taken.
_HEAD_WITHIN, _SEND_WITHIN = 5.0, 10.0
_MOST_CONNECTIONS, _MOST_STREAMS = 64, 16
_JOIN = 2.0
# How often a stream says something, in seconds, so that it shows who has left.
_PULSE = 15
_PHRASES = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}
_REQUEST = re.compile(rb"([A-Z]{1,20}) (/[\x21-\x7e]{0,2000}) HTTP/1\.[01]")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\x80-\xff\t]*?)[ \t]*")
# Nothing is kept by the browser, read by other sites, or taken for something else.
_ALWAYS = (
    ("Connection", "close"),
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


@frozen
class Page:
    """An answer, with what it has of headers of its own."""

    body: bytes
    kind: str = "text/plain; charset=utf-8"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@frozen
class Stream:
    """Server-sent events. ``tick`` is called each second for the next one's data, None for nothing new."""

    tick: Callable[[], bytes | None]


@frozen
class _Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


class _RefusedError(Exception):
    """A request that gets nothing but a status, and why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class HttpServer(Closing):
    """Answers on a bound socket, which it owns, what ``answer`` has for a path; None is no such page."""

    def __init__(self, sock: socket.socket, answer: Callable[[str], Page | Stream | None]) -> None:
        self._answer = answer
        self._listening = ListeningSocket(sock)
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._streams = 0
        self._closed = False
        self._accepting = threading.Thread(target=self._accept, name="status page", daemon=True)

    def start(self) -> None:
        """Answer from now on."""
        self._accepting.start()

    def close(self) -> None:
        """End it, with what is under way."""
        with self._lock:
            self._closed = True
            connections = dict(self._connections)
        self._listening.stop()
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in (self._accepting, *connections.values()):
            if thread.ident is not None:
                thread.join(_JOIN)
        self._listening.close()

    def _accept(self) -> None:
        while (connection := self._listening.accept()) is not None:
            thread = threading.Thread(target=self._serve, args=(connection,), name="status", daemon=True)
            with self._lock:
                taken = not self._closed and len(self._connections) < _MOST_CONNECTIONS
                if taken:
                    self._connections[connection] = thread
                    thread.start()
            if not taken:
                connection.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            self._exchange(connection)
        except OSError:
            pass  # it has left, or doesn't read
        finally:
            with self._lock:
                del self._connections[connection]
            connection.close()

    def _exchange(self, connection: socket.socket) -> None:
        head_only = False
        try:
            request = _read(connection)
            head_only = request.method == "HEAD"
            found = self._found(request)
        except _RefusedError as exc:
            found = Page(body=f"{exc}\n".encode(), status=exc.status)
        connection.settimeout(_SEND_WITHIN)
        if isinstance(found, Page):
            head = _head(found.status, found.kind, (*found.headers, ("Content-Length", str(len(found.body)))))
            connection.sendall(head if head_only else head + found.body)
        elif head_only:
            connection.sendall(_head(200, "text/event-stream"))
        else:
            self._stream(connection, found)

    def _found(self, request: _Request) -> Page | Stream:
        if request.method not in {"GET", "HEAD"}:
            raise _RefusedError(405, "this page changes nothing: only GET and HEAD are answered")
        _require_own(request.headers)
        found = self._answer(request.path.partition("?")[0])
        if found is None:
            raise _RefusedError(404, "there is no such page")
        return found

    def _stream(self, connection: socket.socket, stream: Stream) -> None:
        with self._lock:
            room = self._streams < _MOST_STREAMS
            self._streams += room
        if not room:
            body = f"{_MOST_STREAMS} pages are open already\n".encode()
            connection.sendall(_head(503, "text/plain", (("Retry-After", "10"),)) + body)
            return
        try:
            connection.sendall(_head(200, "text/event-stream"))
            for data in self._events(connection, stream):
                connection.sendall(data)
        finally:
            with self._lock:
                self._streams -= 1

    def _events(self, connection: socket.socket, stream: Stream) -> Iterator[bytes]:
        """Yield what is sent until the other side leaves; it has nothing more to say."""
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        quiet = 0
        while not self._closed:
            data = stream.tick()
            quiet = 0 if data is not None else quiet + 1
            if data is not None:
                yield b"data: " + data + b"\n\n"
            elif quiet % _PULSE == 0:
                yield b": here\n\n"
            if poll.poll(1000):
                return


def _read(connection: socket.socket) -> _Request:
    deadline = Deadline(_HEAD_WITHIN)
    head = bytearray()
    while (end := head.find(b"\r\n\r\n")) < 0:
        if len(head) > _MOST_HEAD:
            raise _RefusedError(431, "the request is too long")
        connection.settimeout(deadline.remaining())
        if not (data := connection.recv(_RECEIVE)):
            raise OSError("it has left")
        head += data
    first, *lines = bytes(head[:end]).split(b"\r\n")
    if (asked := _REQUEST.fullmatch(first)) is None:
        raise _RefusedError(400, "this is no request of HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        if (found := _FIELD.fullmatch(line)) is None:
            raise _RefusedError(400, "the request has a broken header")
        name = found[1].decode().lower()
        if name == "host" and name in headers:
            raise _RefusedError(400, "the request has two hosts")
        headers[name] = found[2].decode("latin-1")
    return _Request(method=asked[1].decode(), path=asked[2].decode(), headers=headers)


def _require_own(headers: Mapping[str, str]) -> None:
    """Refuse what another site has a browser ask for."""
    host = headers.get("host", "")
    if not _is_safe(host):
        raise _RefusedError(403, "open this page by its IP address or as localhost, not by another name")
    # A link to the page is fine; a site that loads it, or listens to it, is not.
    if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
        raise _RefusedError(403, "other sites may not read this page")


def _is_safe(host: str) -> bool:
    """Say whether nobody but its owner can point a host, with or without a port, at this machine."""
    name = re.sub(r":[0-9]{1,5}\Z", "", host) if not host.endswith("]") else host
    if name.lower() == "localhost":
        return True
    try:
        ipaddress.ip_address(name[1:-1] if name.startswith("[") and name.endswith("]") else name)
    except ValueError:
        return False
    return True


def _head(status: int, kind: str, headers: tuple[tuple[str, str], ...] = ()) -> bytes:
    lines = [f"HTTP/1.1 {status} {_PHRASES[status]}", f"Content-Type: {kind}"]
    lines += [f"{name}: {value}" for name, value in (*headers, *_ALWAYS)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
