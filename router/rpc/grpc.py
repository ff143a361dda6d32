"""gRPC's own layer on HTTP/2: message framing, metadata and status. No I/O.

https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import binascii
from collections.abc import Iterator, Mapping
from urllib.parse import quote_from_bytes, unquote_to_bytes

from router.errors import RpcError
from router.rpc.http2 import Headers, Http2Error
from router.transport.stream import Buffer

__all__ = ["MessageReader", "Status", "metadata", "prefix", "status_error", "status_headers"]

# buildkitd sends messages of up to 16 MiB; anything far beyond is no message of its.
MAX_MESSAGE = 64 * 1024 * 1024

_PREFIX = 5


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
    return b"\0" + size.to_bytes(4, "big")


class MessageReader:
    """Cuts a stream's bytes into messages, wherever the network cut them."""

    def __init__(self) -> None:
        self._partial = bytearray()

    def feed(self, data: memoryview) -> Iterator[memoryview]:
        """Yield each message that is whole now. A yielded view is valid until the next step.

        Raises ``Http2Error`` for a compressed or an oversized message.
        """
        if self._partial:
            missing = self._missing()
            while missing and len(data):
                self._partial += data[:missing]
                data = data[missing:]
                missing = self._missing()
            if missing:
                return
            whole = bytes(self._partial)
            self._partial.clear()
            yield memoryview(whole)[_PREFIX:]
        position, end = 0, len(data)
        while end - position >= _PREFIX:
            size = _message_size(data[position : position + _PREFIX])
            start = position + _PREFIX
            if end - start < size:
                break
            position = start + size
            yield data[start:position]
        if position < end:
            self._partial += data[position:]

    def _missing(self) -> int:
        """Return how many bytes the partial message lacks, or the prefix where that isn't whole."""
        have = len(self._partial)
        if have < _PREFIX:
            return _PREFIX - have
        return _PREFIX + _message_size(self._partial) - have


def _message_size(header: Buffer) -> int:
    if header[0]:
        raise Http2Error("the peer sent a compressed message although nobody offered that")
    size = int.from_bytes(header[1:_PREFIX], "big")
    if size > MAX_MESSAGE:
        raise Http2Error(f"the peer sent a message of {size} bytes, more than the {MAX_MESSAGE} allowed")
    return size


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
        escaped = quote_from_bytes(message.encode("utf-8", "replace"), safe=" !\"#$&'()*+,/:;<=>?@[\\]^`{|}")
        trailers.append((b"grpc-message", escaped.encode("ascii")))
    return trailers


def status_error(trailers: Mapping[str, list[str]], method: str) -> RpcError | None:
    """Return the error that the trailers of a call stand for, None for OK."""
    raw = trailers.get("grpc-status", [""])[-1]
    if not raw.isdigit():
        http = trailers.get(":status", ["?"])[-1]
        return RpcError(
            f"{method}: the answer is not gRPC (HTTP status {http})",
            code=Status.UNIMPLEMENTED if http == "404" else Status.UNKNOWN,
            hint="is this the address of a buildkitd?",
        )
    code = int(raw)
    if code == Status.OK:
        return None
    message = unquote_to_bytes(trailers.get("grpc-message", [""])[-1]).decode("utf-8", "replace")
    return RpcError(
        message or f"{method} failed with gRPC status {code}",
        code=code,
        details=_details(trailers.get("grpc-status-details-bin", [])),
        temporary=code == Status.UNAVAILABLE,
    )


def _details(values: list[str]) -> list[tuple[str, bytes]]:
    if not values:
        return []
    # Imported here: only a failing call has details.
    from google.protobuf.message import DecodeError

    from router._proto.status_pb2 import Status as StatusMessage

    text = values[-1].split(",")[-1]
    try:
        packed = StatusMessage.FromString(binascii.a2b_base64(text + "=" * (-len(text) % 4)))
    except (binascii.Error, DecodeError):
        return []
    return [(detail.type_url, detail.value) for detail in packed.details]
