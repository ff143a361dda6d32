"""gRPC's own layer on HTTP/2: message framing, metadata and status. No I/O.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from struct import Struct

from router.errors import RpcError
from router.net.stream import Buffer
from router.rpc.events import Headers, Http2Error

__all__ = [
    "MessageReader",
    "NotGrpcError",
    "Status",
    "metadata",
    "prefix",
    "status_details",
    "status_error",
    "status_headers",
]

# What buildkitd and its clients let each other send.
MAX_MESSAGE = 16 * 1024 * 1024

PREFIX_SIZE = 5
# Section "Length-Prefixed-Message": whether it is compressed, and its size.
_PREFIX = Struct(">BI")


class Status:
    """Status codes by name: https://grpc.io/docs/guides/status-codes/"""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


def prefix(size: int) -> bytes:
    """Return what stands before a message of ``size`` bytes."""
    return _PREFIX.pack(0, size)


class MessageReader:
    """Cuts a stream's bytes into messages, wherever the network cut them. ``limit`` is for one message."""

    def __init__(self, *, limit: int = MAX_MESSAGE) -> None:
        self._limit = limit
        # A message whose end has not arrived, and how much it lacks; or a prefix, and what that lacks.
        self._partial = bytearray()
        self._missing = 0

    @property
    def incomplete(self) -> bool:
        """Whether the bytes so far end inside of a message."""
        return self._missing > 0

    def feed(self, data: memoryview) -> Iterator[memoryview]:
        """Yield each message that is whole now. A yielded view is valid until the next step.

        Raises ``Http2Error`` for a compressed or an oversized message.
        """
        position, end = 0, len(data)
        while self._missing:
            after = position + self._missing
            self._partial += data[position:after]
            if after > end:
                self._missing = after - end
                return
            position = after
            self._missing = self._end_of_message(self._partial, 0) - len(self._partial)
            if not self._missing:
                whole, self._partial = self._partial, bytearray()
                yield memoryview(whole)[PREFIX_SIZE:]
        while end - position >= PREFIX_SIZE:
            after = self._end_of_message(data, position)
            if after > end:
                break
            yield data[position + PREFIX_SIZE : after]
            position = after
        if position < end:
            self._partial += data[position:]
            have = end - position
            whole_size = self._end_of_message(self._partial, 0) if have >= PREFIX_SIZE else PREFIX_SIZE
            self._missing = whole_size - have

    def _end_of_message(self, data: Buffer, position: int) -> int:
        """Return where the message ends whose prefix stands at ``position``."""
        compressed, size = _PREFIX.unpack_from(data, position)
        if compressed:
            raise Http2Error("the peer sent a compressed message although nobody offered that")
        if size > self._limit:
            raise Http2Error(f"the peer sent a message of {size} bytes, more than the {self._limit} allowed")
        return position + PREFIX_SIZE + int(size)


def metadata(headers: Headers) -> dict[str, list[str]]:
    """Return a header list as names with all their values, in order."""
    out: dict[str, list[str]] = {}
    for name, value in headers:
        out.setdefault(name.decode("ascii", "replace"), []).append(value.decode("utf-8", "replace"))
    return out


def status_headers(code: int, message: str = "") -> Headers:
    """Return the trailers that end a call."""
    trailers = [(b"grpc-status", str(code).encode())]
    if message:
        # Imported here, as below: only a failing call has a message.
        from urllib.parse import quote_from_bytes

        escaped = quote_from_bytes(message.encode("utf-8", "replace"), safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}")
        trailers.append((b"grpc-message", escaped.encode("ascii")))
    return trailers


class NotGrpcError(RpcError):
    """An answer by something else than a daemon: a web server, or a proxy before the daemon."""


# https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md, as far as it matters here: a
# proxy says so when it has lost the daemon behind it.
_OF_HTTP = {"404": Status.UNIMPLEMENTED, **dict.fromkeys(("429", "502", "503", "504"), Status.UNAVAILABLE)}


def _unescaped(message: str) -> str:
    if "%" not in message:
        return message
    from urllib.parse import unquote_to_bytes

    return unquote_to_bytes(message).decode("utf-8", "replace")


def status_error(trailers: Mapping[str, list[str]], method: str) -> RpcError | None:
    """Return the error that the trailers of a call stand for, None for OK."""
    raw = trailers.get("grpc-status", [""])[-1]
    if not (raw.isascii() and raw.isdigit() and len(raw) < 4):
        http = trailers.get(":status", ["?"])[-1]
        code = _OF_HTTP.get(http, Status.UNKNOWN)
        return NotGrpcError(
            f"{method}: the answer is not gRPC (HTTP status {http})",
            code=code,
            hint="is this the address of a buildkitd?",
            temporary=code == Status.UNAVAILABLE,
        )
    code = int(raw)
    if code == Status.OK:
        return None
    message = _unescaped(trailers.get("grpc-message", [""])[-1])
    return RpcError(
        message or f"{method} failed with gRPC status {code}",
        code=code,
        details=_details(trailers.get("grpc-status-details-bin", [])),
        temporary=code == Status.UNAVAILABLE,
    )


def status_details(packed: bytes) -> list[tuple[str, bytes]]:
    """Return the details of a packed google.rpc.Status as type URLs and values, none of a broken one."""
    if not packed:
        return []
    from google.protobuf.message import DecodeError

    from router._proto.status_pb2 import Status as StatusMessage

    try:
        status = StatusMessage.FromString(packed)
    except DecodeError:
        return []
    return [(detail.type_url, detail.value) for detail in status.details]


def _details(values: list[str]) -> list[tuple[str, bytes]]:
    if not values:
        return []
    text = values[-1].split(",")[-1]
    try:
        return status_details(binascii.a2b_base64(text + "=" * (-len(text) % 4)))
    except ValueError:  # a plain one for what is not ASCII
        return []
