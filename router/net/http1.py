"""The parts of HTTP/1.1 that transports need: one request, its answer, perhaps an upgrade.

Works on a blocking socket, plain or TLS, under a deadline; the socket carries one exchange and is then closed
or upgraded. No redirects, cookies or connection reuse.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping

from router.model.frozen import field, frozen
from router.net.chunked import BrokenChunkError, ChunkedBody
from router.net.deadline import Deadline

__all__ = ["MOST_BODY", "HttpProtocolError", "Reply", "Request", "exchange"]

_RECEIVE = 1 << 16
_MOST_HEAD = 1 << 16
MOST_BODY = 1 << 26
# Whose length is told even if it is 0 (RFC 9110, 8.6).
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
# Go's client takes five.
_MOST_INTERIM = 16
_LENGTH = re.compile(r"[0-9]{1,19}", re.ASCII)


class HttpProtocolError(OSError):
    """The peer's answer is not HTTP/1.1. An OSError, so that callers handle it like the socket's errors."""


class TooLargeError(HttpProtocolError):
    """The peer's answer has more bytes than it may have."""

    def __init__(self) -> None:
        super().__init__("the answer is too large")


@frozen
class Request:
    """``headers`` and ``body`` may carry credentials and are left out of the repr."""

    method: str
    target: str
    host: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)

    def encode(self) -> bytes:
        """Return the bytes on the wire."""
        lines = [f"{self.method} {self.target} HTTP/1.1", f"Host: {self.host}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if self.body or self.method in _WITH_BODY:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


@frozen
class Reply:
    """An answer; header names are lower case. ``rest`` holds the bytes that were read after the head of an
    upgrade (101), of a tunnel (a 2xx to CONNECT), or of a body that the caller reads."""

    status: int
    phrase: str
    headers: Mapping[str, str]
    body: bytes = b""
    rest: bytes = b""

    @property
    def chunked(self) -> bool:
        """Whether the body is chunked, also if the caller reads it."""
        return _is_chunked(self.headers)

    @property
    def text(self) -> str:
        """The body for display: one line, not too long."""
        return " ".join(self.body[:2000].decode(errors="replace").split())[:300]


def exchange(
    sock: socket.socket,
    request: Request,
    deadline: Deadline,
    *,
    stream: bool = False,
    most: int = MOST_BODY,
) -> Reply:
    """Send a request and read the whole answer. Raises OSError, TimeoutError past the deadline.

    With ``stream`` the body of a 200 is left to the caller: it may be endless. A body of more than ``most``
    bytes is an error.
    """
    reader = _Reader(sock, deadline, most)
    sock.settimeout(deadline.remaining())
    sock.sendall(request.encode())
    status, phrase, headers = _final_head(reader)
    if status == 101 or (request.method == "CONNECT" and status < 300) or (stream and status == 200):
        return Reply(status=status, phrase=phrase, headers=headers, rest=reader.rest())
    # The length that the answer to HEAD tells is another one's.
    body = b"" if request.method == "HEAD" else _read_body(reader, status, headers)
    return Reply(status=status, phrase=phrase, headers=headers, body=body)


def _final_head(reader: _Reader) -> tuple[int, str, Mapping[str, str]]:
    for _ in range(_MOST_INTERIM):
        status, phrase, headers = _parse_head(reader.head())
        if status >= 200 or status == 101:
            return status, phrase, headers
    raise HttpProtocolError(f"more than {_MOST_INTERIM} interim answers and no final one")


class _Reader:
    """Reads a blocking socket under a deadline, and keeps the bytes that were read too far."""

    def __init__(self, sock: socket.socket, deadline: Deadline, most: int) -> None:
        self.most = most
        self._socket = sock
        self._deadline = deadline
        self._buffer = bytearray()

    def more(self) -> bool:
        """Read once; False at the end."""
        self._socket.settimeout(self._deadline.remaining())
        data = self._socket.recv(_RECEIVE)
        self._buffer += data
        return bool(data)

    def head(self) -> bytes:
        while len(self._buffer) < 5 and b"HTTP/".startswith(self._buffer) and self.more():
            pass
        if self._buffer and not b"HTTP/".startswith(self._buffer[:5]):
            raise HttpProtocolError("the answer is not HTTP/1.1")
        return self.until(b"\r\n\r\n")

    def until(self, mark: bytes) -> bytes:
        """Return the bytes before ``mark``, and skip it."""
        seen = 0
        while (end := self._buffer.find(mark, seen)) < 0:
            if len(self._buffer) > _MOST_HEAD:
                raise HttpProtocolError("the answer is not HTTP")
            seen = max(len(self._buffer) - len(mark) + 1, 0)
            if not self.more():
                what = (
                    "it closed the connection without an answer"
                    if not self._buffer
                    else "the answer ended early"
                )
                raise HttpProtocolError(what)
        found = bytes(self._buffer[:end])
        del self._buffer[: end + len(mark)]
        return found

    def exactly(self, size: int) -> bytearray:
        if size > self.most:
            raise TooLargeError
        while len(self._buffer) < size:
            if not self.more():
                raise HttpProtocolError("the answer ended early")
        found = self._buffer[:size]
        del self._buffer[:size]
        return found

    def rest(self) -> bytes:
        found = bytes(self._buffer)
        self._buffer.clear()
        return found

    def to_the_end(self) -> bytes:
        while self.more():
            if len(self._buffer) > self.most:
                raise TooLargeError
        return self.rest()


def _parse_head(head: bytes) -> tuple[int, str, Mapping[str, str]]:
    first, *lines = head.decode("latin-1").split("\r\n")
    version, _, rest = first.partition(" ")
    code, _, phrase = rest.partition(" ")
    if not version.startswith("HTTP/1.") or not (len(code) == 3 and _LENGTH.fullmatch(code)):
        raise HttpProtocolError("the answer is not HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(code), phrase.strip(), headers


def _read_body(reader: _Reader, status: int, headers: Mapping[str, str]) -> bytes:
    if status in {204, 304}:
        return b""
    if _is_chunked(headers):
        return _read_chunks(reader)
    length = headers.get("content-length")
    if length is None:
        return reader.to_the_end()
    if not _LENGTH.fullmatch(length):
        raise HttpProtocolError("the answer has no valid Content-Length")
    return bytes(reader.exactly(int(length)))


def _is_chunked(headers: Mapping[str, str]) -> bool:
    return headers.get("transfer-encoding", "").lower().endswith("chunked")


def _read_chunks(reader: _Reader) -> bytes:
    """Read a chunked body and its trailers."""
    chunks = ChunkedBody()
    # Joined as they arrive: as a list, very small pieces would take fifty times their size.
    body = bytearray()
    while True:
        try:
            body += chunks.feed(reader.rest())
        except BrokenChunkError as exc:
            raise HttpProtocolError(str(exc)) from exc
        if len(body) + chunks.left > reader.most:
            raise TooLargeError
        if chunks.ended:
            return bytes(body)
        if not reader.more():
            raise HttpProtocolError("the answer ended early")
