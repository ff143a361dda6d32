"""The one seam between transports and everything above them: a nonblocking stream of bytes.

Whoever drives a stream waits for ``fileno()`` with a selector, so that one thread can serve the stream,
a wake-up pipe and its deadlines. What the bytes mean is none of its business.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

__all__ = ["Buffer", "Buffered", "ByteStream", "Readable", "Waited", "Writable"]

Buffer = bytes | bytearray | memoryview


class Waited(Protocol):
    """What is waited for with a selector."""

    def fileno(self) -> int:
        """Return the descriptor to wait for."""


class Readable(Waited, Protocol):
    """What bytes come from."""

    def recv(self) -> bytes | None:
        """Return what has arrived, ``b""`` at the end of the stream, None where nothing is there yet."""

    def pending(self) -> bool:
        """Say whether ``recv`` has more although ``fileno()`` may not be readable (TLS records, frames)."""


class Writable(Waited, Protocol):
    """What bytes go to."""

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Take as many of these bytes as fit now, in order, and return how many; 0 where none fit."""

    def finish(self) -> bool:
        """Say that nothing more will be sent, to be called when all is flushed; ``recv`` goes on.

        False where the stream has no way to tell the far end.
        """


class Buffered(Waited, Protocol):
    """What holds bytes of its own to send: websocket frames, a TLS handshake."""

    def wants_write(self) -> bool:
        """Say whether the stream itself holds bytes to send."""

    def flush(self) -> None:
        """Send what the stream itself holds, as far as it goes now."""


class ByteStream(Readable, Writable, Buffered, Protocol):
    """A connected, bidirectional, nonblocking stream of bytes, and whoever has it closes it.

    A broken stream raises ``ConnectionLostError``, whose message says what the far end had to say (such
    as what a remote command wrote to its stderr). Nothing blocks.
    """

    def close(self) -> None:
        """Close it, and whatever was started for it. Closing twice is allowed."""
