"""A minimal HTTP/1.1 server, enough for a page for a few people: GET and HEAD, one request per connection.

Clients may be anybody on this machine, or a web page in somebody's browser: heads, connections and streams
are limited, clients that don't send or don't read are disconnected, and only requests that name this machine,
or an IP address, are answered (any other name may be an attacker's: DNS rebinding).
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
# Seconds for a request to arrive, and for an answer to be read.
_HEAD_WITHIN, _SEND_WITHIN = 5.0, 10.0
_MOST_CONNECTIONS, _MOST_STREAMS = 64, 16
_JOIN = 2.0
# How often a stream sends something, in seconds, to notice closed connections.
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
# Browsers keep nothing, other sites can't read it, and it isn't taken for another type.
_ALWAYS = (
    ("Connection", "close"),
    ("Cache-Control", "no-store"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
)


@frozen
class Page:
    """An answer, with its additional headers."""

    body: bytes
    kind: str = "text/plain; charset=utf-8"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


@frozen
class Stream:
    """Server-sent events. ``tick`` is called each second for the next event's data, None if nothing is
    new."""

    tick: Callable[[], bytes | None]


@frozen
class _Request:
    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


class _RefusedError(Exception):
    """A request that gets only a status and a reason."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class HttpServer(Closing):
    """Serves a bound socket, which it owns: ``answer`` returns a path's page, None if there is none."""

    def __init__(self, sock: socket.socket, answer: Callable[[str], Page | Stream | None]) -> None:
        self._answer = answer
        self._listening = ListeningSocket(sock)
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._streams = 0
        self._closed = False
        self._accepting = threading.Thread(target=self._accept, name="status page", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._accepting.start()

    def close(self) -> None:
        """Stop, and end the answers in progress."""
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
            pass  # it has disconnected, or doesn't read
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
            raise _RefusedError(405, "this page is read-only: use GET or HEAD")
        _require_own(request.headers)
        found = self._answer(request.path.partition("?")[0])
        if found is None:
            raise _RefusedError(404, "no such page")
        return found

    def _stream(self, connection: socket.socket, stream: Stream) -> None:
        with self._lock:
            room = self._streams < _MOST_STREAMS
            self._streams += room
        if not room:
            body = f"{_MOST_STREAMS} pages are already open\n".encode()
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
        """Yield the bytes to send until the client disconnects; it has nothing more to send."""
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
            raise OSError("it has disconnected")
        head += data
    first, *lines = bytes(head[:end]).split(b"\r\n")
    if (asked := _REQUEST.fullmatch(first)) is None:
        raise _RefusedError(400, "not an HTTP/1.1 request")
    headers: dict[str, str] = {}
    for line in lines:
        if (found := _FIELD.fullmatch(line)) is None:
            raise _RefusedError(400, "the request has an invalid header")
        name = found[1].decode().lower()
        if name == "host" and name in headers:
            raise _RefusedError(400, "the request has two Host headers")
        headers[name] = found[2].decode("latin-1")
    return _Request(method=asked[1].decode(), path=asked[2].decode(), headers=headers)


def _require_own(headers: Mapping[str, str]) -> None:
    """Refuse requests that another site makes a browser send."""
    host = headers.get("host", "")
    if not _is_safe(host):
        raise _RefusedError(403, "open this page by its IP address or as localhost, not by another name")
    # A link to the page is fine; a site that embeds it, or reads from it, is not.
    if headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
        raise _RefusedError(403, "other sites may not read this page")


def _is_safe(host: str) -> bool:
    """Say whether only its owner can point this host, with or without a port, to this machine."""
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
