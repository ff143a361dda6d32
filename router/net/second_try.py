"""A stream that is replaced by another one if it fails before the far end has sent a byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from router.errors import DialError
from router.net.buffers import without
from router.net.stream import Buffer, ByteStream

__all__ = ["SecondTry"]

# Flow control stops a gRPC client long before this, until its server has answered.
_MOST_KEPT = 1 << 20


class SecondTry:
    """A ByteStream over ``first``, and over the result of ``again`` if ``first`` fails unanswered.

    Some paths to a daemon fail only once they are used. Waiting for the first byte before sending anything
    would cost a round trip on the paths that work; so everything that is sent before then is kept, and sent
    again. ``again`` may block, and raise DialError.
    """

    def __init__(self, first: ByteStream, again: Callable[[DialError], ByteStream]) -> None:
        self._stream = first
        self._again: Callable[[DialError], ByteStream] | None = again
        self._kept: list[bytes] = []
        self._kept_size = 0
        self._to_repeat: list[Buffer] = []
        self._finished = False

    def __repr__(self) -> str:
        return f"<SecondTry {self._stream!r}>"

    def fileno(self) -> int:
        """Return the descriptor of the current stream."""
        return self._stream.fileno()

    def recv(self) -> bytes | None:
        """Return what has arrived. Raises DialError, ConnectionLostError."""
        try:
            data = self._stream.recv()
        except DialError as exc:
            self._replace(exc)
            return None
        if data is not None:
            self._settle()
        return data

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Send as much as fits. Raises DialError, ConnectionLostError."""
        try:
            if self._to_repeat:
                self._repeat()
                return 0
            taken = self._stream.send(buffers)
        except DialError as exc:
            self._replace(exc)
            return 0
        self._keep(buffers, taken)
        return taken

    def pending(self) -> bool:
        """Say whether ``recv`` has bytes although the descriptor may not be readable."""
        return self._stream.pending()

    def wants_write(self) -> bool:
        """Say whether bytes are still to be sent, perhaps for the second time."""
        return bool(self._to_repeat) or self._stream.wants_write()

    def flush(self) -> None:
        """Send held bytes, as many as fit. Raises DialError, ConnectionLostError."""
        try:
            self._repeat()
            self._stream.flush()
        except DialError as exc:
            self._replace(exc)

    def finish(self) -> bool:
        """Say that nothing more will be sent."""
        self._finished = True
        return self._stream.finish()

    def close(self) -> None:
        """Close the current stream."""
        self._stream.close()

    def _keep(self, buffers: Sequence[Buffer], taken: int) -> None:
        if self._again is None or not taken:
            return
        self._kept_size += taken
        if self._kept_size > _MOST_KEPT:
            self._settle()
            return
        self._kept.append(b"".join(buffers)[:taken])

    def _settle(self) -> None:
        """Keep the current stream for good."""
        self._again = None
        self._kept.clear()

    def _replace(self, exc: DialError) -> None:
        if self._again is None:
            raise exc
        again, kept = self._again, self._kept
        self._again, self._kept = None, []
        self._stream.close()
        self._stream = again(exc)
        self._to_repeat = list(kept)
        self._repeat()

    def _repeat(self) -> None:
        if not self._to_repeat:
            return
        self._to_repeat = without(self._to_repeat, self._stream.send(self._to_repeat))
        if not self._to_repeat and self._finished:
            self._stream.finish()
