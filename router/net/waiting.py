"""Drive a nonblocking stream from a thread that has nothing else to do: handshakes, relays."""

from __future__ import annotations

import select

from router.net.deadline import Deadline
from router.net.stream import Buffered, Readable

__all__ = ["flush", "wait"]


def wait(stream: Readable, deadline: Deadline, *, writing: bool = False) -> None:
    """Return once there may be something to read, or room to write with ``writing``.

    Raises TimeoutError past the deadline.
    """
    if stream.pending():
        return
    poll = select.poll()
    poll.register(stream.fileno(), select.POLLIN | (select.POLLOUT if writing else 0))
    poll.poll(deadline.remaining() * 1000)
    deadline.remaining()


def flush(stream: Buffered, deadline: Deadline) -> None:
    """Send all bytes that the stream itself holds.

    Raises TimeoutError past the deadline, and the stream's errors.
    """
    stream.flush()
    while stream.wants_write():
        poll = select.poll()
        poll.register(stream.fileno(), select.POLLOUT)
        poll.poll(deadline.remaining() * 1000)
        stream.flush()
