"""An HTTP/2 connection on a stream of bytes, moved by whoever has it, without waiting."""

from __future__ import annotations

import select
from contextlib import suppress

from router.errors import ConnectionLostError, RouterError
from router.net.buffers import without
from router.net.stream import Buffer, ByteStream
from router.rpc.events import Event
from router.rpc.http2 import Http2Connection

__all__ = ["Wire"]

# A write cycle: large enough to amortise a system call, small enough to read in between.
_WRITE_SIZE = 1024 * 1024


class Wire:
    """Both together; it closes the stream. Both methods that move raise ``ConnectionLostError``."""

    def __init__(self, stream: ByteStream, http2: Http2Connection) -> None:
        self._stream = stream
        self._http2 = http2
        self._outgoing: list[Buffer] = []

    def write(self) -> bool:
        """Send one cycle's worth; say whether anything went out."""
        if not self._outgoing:
            self._outgoing = self._http2.take(_WRITE_SIZE)
        if self._outgoing:
            taken = self._stream.send(self._outgoing)
            self._outgoing = without(self._outgoing, taken)
            return taken > 0
        if self._stream.wants_write():
            self._stream.flush()
        return False

    def read(self) -> list[Event] | None:
        """Return what has arrived, None where nothing has."""
        data = self._stream.recv()
        if data is None:
            return None
        if not data:
            raise ConnectionLostError("the connection was closed")
        return self._http2.receive(data)

    def register(self, poll: select.poll) -> bool:
        """Tell a poll what is waited for; False where ``read`` has something without waiting."""
        blocked = bool(self._outgoing) or self._stream.wants_write()
        poll.register(self._stream.fileno(), select.POLLIN | (select.POLLOUT if blocked else 0))
        return not self._stream.pending()

    def close(self) -> None:
        """Say goodbye as far as it can be said at once, and close the stream."""
        self._http2.close()
        with suppress(RouterError):  # of a broken connection: there is nobody to say goodbye to
            self._stream.send([*self._outgoing, *self._http2.take(0)])
        self._stream.close()
