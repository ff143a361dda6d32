"""Answers in HTTP/1.1 that no client should take: for every peer that speaks it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator

from tests.hostile.attack import ESCAPE

__all__ = ["ANSWERS", "Answer", "body", "endless"]

Answer = Callable[[], Iterable[bytes]]
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_PIECE = 1 << 18
_SHOUT = ESCAPE.encode()


def body(content: bytes, status: str = "200 OK", headers: str = "") -> Answer:
    """Return an answer with this body."""
    head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(content)}\r\n\r\n"
    return lambda: [head.encode() + content]


def endless(first: bytes, again: bytes) -> Answer:
    """Return an answer that begins so, and goes on so without end."""
    piece = again * max(_PIECE // len(again), 1)
    return lambda: itertools.chain([first], itertools.repeat(piece))


def _one_byte_chunks() -> Iterator[bytes]:
    yield _OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"
    yield from itertools.repeat(b"1\r\n \r\n" * 40_000)


ANSWERS: dict[str, Answer] = {
    "a body without end": endless(_OK + b"\r\n", b'{"items": ["' + _SHOUT),
    "a body of 100 MB": endless(_OK + b"Content-Length: 100000000\r\n\r\n", b" "),
    "a body that says it has 8 EB": endless(_OK + b"Content-Length: 9223372036854775807\r\n\r\n", b"x"),
    "chunks without end": endless(
        _OK + b"Transfer-Encoding: chunked\r\n\r\n", b"ff\r\n" + b"x" * 255 + b"\r\n"
    ),
    "chunks of one byte without end": _one_byte_chunks,
    "a chunk size without end": endless(_OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers without end": endless(_OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n"),
    "headers without end": endless(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n"),
    "a status line without end": endless(b"HTTP/1.1 200 ", _SHOUT),
    "interim answers without end": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "JSON nested 500,000 times": body(b'{"items":' * 500_000),
    "arrays nested 500,000 times": body(b"[" * 500_000 + b"]" * 500_000),
    "numbers beyond all": body(b'{"items": [1e999, -1e999], "kind": ' + b"9" * 100_000 + b"}"),
    "a million objects": body(b'{"items": [' + b"{}," * 300_000 + b"{}]}"),
    "JSON of the wrong types": body(b'{"items": {"a": 1}, "metadata": 7, "token": [], "message": {}}'),
    "bytes that are no text": body(b"\xff\xfe\x00" * 1000),
    "an error of escapes": body(
        json.dumps({"message": ESCAPE * 20_000}).encode(), "500 Internal Server Error"
    ),
    "a phrase of escapes": body(b"", "503 " + ESCAPE.replace("\r", "") * 100),
    "a Retry-After of 100 years": body(b"", "429 Too Many Requests", "Retry-After: 3155760000\r\n"),
}
"""By what they are. Each can be given to whoever asks anything."""
