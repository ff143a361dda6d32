"""The only interface between transports and everything above them: a nonblocking stream of bytes.

The user of a stream waits for ``fileno()`` with a selector, so that one thread can serve the stream, a
wake-up pipe and its deadlines. The stream doesn't know what the bytes mean.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["Buffer", "Buffered", "ByteStream", "Readable", "Waited", "Writable"]

Buffer = bytes | bytearray | memoryview


class Waited(Protocol):
    """Anything that a selector can wait for."""

    def fileno(self) -> int:
        """Return the descriptor to wait for."""


class Readable(Waited, Protocol):
    """A source of bytes."""

    def recv(self) -> bytes | None:
        """Return the bytes that have arrived, ``b""`` at the end of the stream, None if there are none
        yet."""

    def pending(self) -> bool:
        """Say whether ``recv`` has more although ``fileno()`` may not be readable (TLS records, frames)."""


class Writable(Waited, Protocol):
    """A target for bytes."""

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Take as many of these bytes as fit now, in order, and return their number; 0 if none fit."""

    def finish(self) -> bool:
        """Say that nothing more will be sent; call it after everything is flushed; ``recv`` goes on.

        False if the stream has no way to tell the far end.
        """


class Buffered(Waited, Protocol):
    """A stream that may hold bytes of its own to send: websocket frames, a TLS handshake."""

    def wants_write(self) -> bool:
        """Say whether the stream itself holds bytes to send."""

    def flush(self) -> None:
        """Send the bytes that the stream itself holds, as many as fit now."""


class ByteStream(Readable, Writable, Buffered, Protocol):
    """A connected, bidirectional, nonblocking stream of bytes; its owner closes it.

    A broken stream raises ``ConnectionLostError``, whose message includes the far end's explanation (such as
    a remote command's stderr). Nothing blocks.
    """

    def close(self) -> None:
        """Close it, and whatever was started for it. Closing twice is allowed."""
