"""The client's half of WebSocket framing (RFC 6455), without I/O.

Bytes in, messages out; payload in, frames out. Of the HTTP handshake only the keys are computed here.
Supports no extensions, and handles text as bytes.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

__all__ = [
    "NO_MASK",
    "Message",
    "Opcode",
    "Receiver",
    "WebSocketError",
    "accept_of",
    "close_payload",
    "frame",
    "new_key",
]

# RFC 6455, section 1.3.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# API servers send 32 KiB at a time.
_MOST_PAYLOAD = 1 << 24
_MOST_CONTROL = 125
NO_MASK = b"\0\0\0\0"


class WebSocketError(Exception):
    """The peer's bytes are not valid WebSocket frames."""


class Opcode:
    """RFC 6455, section 11.8."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


# Frames that mean something even without a payload.
_TELLING = frozenset({Opcode.CLOSE, Opcode.PING})


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message, or a control frame, according to ``opcode``."""

    opcode: int
    payload: bytes


def new_key() -> str:
    """Return a value for Sec-WebSocket-Key."""
    return base64.b64encode(os.urandom(16)).decode()


def accept_of(key: str) -> str:
    """Return the value of Sec-WebSocket-Accept that the server must answer."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def frame(opcode: int, payload: Sequence[bytes], *, mask: bytes = NO_MASK) -> list[bytes]:
    """Return one final frame as pieces to send in order.

    The default mask leaves the payload unchanged. Masks stop a page's script from forging requests to a
    proxy that reads the stream (section 10.3): within TLS no proxy does, and masking halves the throughput.
    """
    size = sum(map(len, payload))
    if size < 126:
        head = bytes((0x80 | opcode, 0x80 | size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 0x80 | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 0x80 | 127)) + size.to_bytes(8, "big")
    if mask == NO_MASK:
        return [head + mask, *payload]
    return [head + mask, _masked(b"".join(payload), mask)]


def close_payload(code: int = 1000) -> bytes:
    """Return the payload of a CLOSE frame; 1000 is a normal end."""
    return code.to_bytes(2, "big")


class Receiver:
    """Turns bytes, however they are split, into messages. Fragments of a message are joined.

    Holds at most one frame and one message, of 16 MiB each, and takes time in proportion to the bytes.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._opcode = Opcode.CONTINUATION
        self._joined = bytearray()

    def feed(self, data: bytes) -> None:
        """Take bytes; ``messages`` yields the messages that they complete."""
        self._buffer += data

    def messages(self) -> Iterator[Message]:
        """Yield the messages that are complete now, one at a time. Raises WebSocketError.

        PONGs (we send no PINGs) and empty messages are left out.
        """
        position = 0
        try:
            with memoryview(self._buffer) as view:
                while (end := _frame_end(view, position)) is not None:
                    first, (start, stop) = view[position], end
                    position = stop
                    message = self._take(first, bytes(view[start:stop]))
                    if message is not None and (message.payload or message.opcode in _TELLING):
                        yield message
        finally:
            del self._buffer[:position]

    def _take(self, first: int, payload: bytes) -> Message | None:
        final, opcode = bool(first & 0x80), first & 0x0F
        if first & 0x70:
            raise WebSocketError("a frame with an extension that was not agreed")
        if opcode >= Opcode.CLOSE:
            # Section 5.5: control frames are neither fragmented nor large.
            if not final:
                raise WebSocketError("a fragmented control frame")
            if len(payload) > _MOST_CONTROL:
                raise WebSocketError("a control frame that is too large")
            return None if opcode == Opcode.PONG else Message(opcode, payload)
        if (opcode == Opcode.CONTINUATION) != bool(self._opcode):
            raise WebSocketError("fragments out of order")
        if final and opcode:
            return Message(opcode, payload)
        self._opcode = opcode or self._opcode
        # Joined as they arrive: as a list, very small fragments would take fifty times their size.
        self._joined += payload
        if len(self._joined) > _MOST_PAYLOAD:
            raise WebSocketError("a message that is too large")
        if not final:
            return None
        message = Message(self._opcode, bytes(self._joined))
        self._opcode, self._joined = Opcode.CONTINUATION, bytearray()
        return message


def _frame_end(view: memoryview, position: int) -> tuple[int, int] | None:
    """Return where the payload of the frame at ``position`` starts and ends; None if it is incomplete."""
    if len(view) < position + 2:
        return None
    size = view[position + 1]
    if size & 0x80:
        raise WebSocketError("a masked frame from a server")
    start = position + 2
    if size >= 126:
        width = 2 if size == 126 else 8
        if len(view) < start + width:
            return None
        size = int.from_bytes(view[start : start + width], "big")
        start += width
    if size > _MOST_PAYLOAD:
        raise WebSocketError("a frame that is too large")
    return (start, start + size) if len(view) >= start + size else None


def _masked(payload: bytes, mask: bytes) -> bytes:
    """Mask in bulk: one XOR of two large numbers."""
    size = len(payload)
    pattern = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(pattern, "little")).to_bytes(size, "little")
