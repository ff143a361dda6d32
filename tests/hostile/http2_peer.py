"""A daemon that breaks HTTP/2 and gRPC below its messages: raw frames on a socket."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from router.rpc.frames import Flag, FrameType, frame, settings
from router.rpc.headers import header_frames
from tests.hostile.attack import ESCAPE, FAILED, OUT_OF_TIME, UNREACHABLE, Attack, Command, build
from tests.wire.transport.peers import peer as listening

__all__ = ["ATTACKS"]

# The streams of the client's calls.
_SESSION, _SOLVE, _STATUS = 1, 3, 5
_HEAD = [(b":status", b"200"), (b"content-type", b"application/grpc")]


def _attack(wire: Callable[[], Iterable[bytes]], **allowed: object) -> Attack:
    """Send these bytes once the client has begun its calls; read all that it says."""

    def serve(connection: socket.socket) -> None:
        connection.sendall(settings({}))
        heard = connection.recv(1 << 16)
        while b"Control/Status" not in heard:
            heard += connection.recv(1 << 16) or b"Control/Status"
        reader = threading.Thread(target=_read, args=(connection,), daemon=True)
        reader.start()
        for data in wire():
            connection.sendall(data)
        reader.join()

    @contextmanager
    def peer(directory: Path) -> Iterator[Command]:
        with listening(serve) as port:
            yield build(f"tcp://127.0.0.1:{port}", directory)

    return Attack(peer=peer, **allowed)  # type: ignore[arg-type]


def _read(connection: socket.socket) -> None:
    with suppress(OSError):
        while connection.recv(1 << 16):
            pass


def _again(data: bytes, first: bytes = b"", *, size: int = 1 << 18) -> Callable[[], Iterator[bytes]]:
    def wire() -> Iterator[bytes]:
        yield first
        piece = data * max(size // len(data), 1)
        while True:
            yield piece

    return wire


def _headers(stream: int, *more: tuple[bytes, bytes], end: bool = True) -> bytes:
    return b"".join(header_frames(stream, [*_HEAD, *more], end=end))


def _status(code: int, *more: tuple[bytes, bytes]) -> bytes:
    return _headers(_SOLVE, (b"grpc-status", b"%d" % code), *more) + _headers(
        _STATUS, (b"grpc-status", b"%d" % code)
    )


def _details(value: bytes) -> tuple[bytes, bytes]:
    return b"grpc-status-details-bin", b64encode(value).rstrip(b"=")


def _nested(kind: bytes, depth: int) -> bytes:
    """A google.rpc.Status whose details are a typed error of this type in JSON, nested deeply."""
    content = b'{"a":' * depth + b"1" + b"}" * depth
    any_of = _field(1, kind) + _field(2, content)
    return _field(2, b"failed") + _field(3, any_of)


def _field(number: int, data: bytes) -> bytes:
    size, length = len(data), b""
    while size > 0x7F:
        length += bytes((size & 0x7F | 0x80,))
        size >>= 7
    return bytes((number << 3 | 2,)) + length + bytes((size,)) + data


_BEGUN = frame(FrameType.HEADERS, 0, _SOLVE, b"\x20")
_MESSAGE = b"grpc-message"
_UNKNOWN = 2
_REFUSED = frozenset({UNREACHABLE})
_LOST = frozenset({FAILED, UNREACHABLE})
_TEXT = ESCAPE.encode().hex().encode()
_HOSTILE = b"%" + b"%".join(_TEXT[at : at + 2] for at in range(0, len(_TEXT), 2))


ATTACKS = {
    "empty CONTINUATION frames without end": _attack(
        _again(frame(FrameType.CONTINUATION, 0, _SOLVE), _BEGUN), codes=_REFUSED
    ),
    "CONTINUATION frames of 16 KB without end": _attack(
        _again(frame(FrameType.CONTINUATION, 0, _SOLVE, b"\x00" * 16384), _BEGUN), codes=_REFUSED
    ),
    "headers without end": _attack(_again(_headers(_STATUS, end=False)), codes=frozenset({OUT_OF_TIME})),
    "a header that unpacks to 4 GB": _attack(
        lambda: [
            frame(
                FrameType.HEADERS,
                Flag.END_HEADERS,
                _SOLVE,
                b"\x40\x01a\x7f\x81\x1d" + b"b" * 3840 + b"\xbe" * 12000,
            )
        ],
        codes=_REFUSED,
    ),
    "SETTINGS without end": _attack(_again(settings({4: 65535})), codes=_LOST | {OUT_OF_TIME}),
    "PINGs without end": _attack(
        _again(frame(FrameType.PING, 0, 0, b"12345678")), codes=_LOST | {OUT_OF_TIME}
    ),
    "frames of an unknown type without end": _attack(
        _again(frame(0x77, 0, 0, b"x" * 16384)), codes=frozenset({OUT_OF_TIME})
    ),
    "empty DATA frames without end": _attack(
        _again(frame(FrameType.DATA, 0, _STATUS), _headers(_STATUS, end=False)),
        codes=frozenset({OUT_OF_TIME}),
    ),
    "a gRPC message of 4 GB": _attack(
        _again(
            frame(FrameType.DATA, 0, _STATUS, b"x" * 16384),
            _headers(_STATUS, end=False) + frame(FrameType.DATA, 0, _STATUS, b"\x00\xff\xff\xff\xff"),
        ),
        codes=_REFUSED,
    ),
    "empty gRPC messages without end": _attack(
        _again(frame(FrameType.DATA, 0, _STATUS, b"\x00" * 16380), _headers(_STATUS, end=False)),
        codes=frozenset({OUT_OF_TIME}),
    ),
    "a grpc-message of 900 KB": _attack(
        lambda: [_status(_UNKNOWN, (_MESSAGE, _HOSTILE * 10_000))], codes=_LOST
    ),
    "a status that is no number": _attack(
        lambda: [
            _headers(each, (b"grpc-status", b"9" * 10_000), (_MESSAGE, _HOSTILE))
            for each in (_SOLVE, _STATUS)
        ],
        codes=_LOST,
    ),
    "error details of 600 KB that are none": _attack(
        lambda: [_status(_UNKNOWN, _details(b"\xff" * 600_000))], codes=_LOST
    ),
    "error details nested 100,000 times": _attack(
        lambda: [
            _status(_UNKNOWN, _details(_nested(b"github.com/moby/buildkit/errdefs.Vertex+json", 100_000)))
        ],
        codes=_LOST,
    ),
    "error details of 300,000 empty entries": _attack(
        lambda: [_status(_UNKNOWN, _details(b"\x1a\x00" * 300_000))], codes=_LOST
    ),
    "a goodbye with 16 KB of escapes": _attack(
        lambda: [frame(FrameType.GOAWAY, 0, 0, bytes(8) + (ESCAPE * 900).encode()[:16000])], codes=_LOST
    ),
}
