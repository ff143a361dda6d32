"""One stream of a connection: its windows, and the bytes that wait to be sent on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from router.net.stream import Buffer
from router.rpc.events import Headers
from router.rpc.frames import FRAME_HEADER, FrameType
from router.rpc.messages import IncomingMessage

__all__ = ["GivenUp", "Source", "Stream"]

# Buffers that are smaller on average cost more to carry one by one than to copy.
_WORTH_A_SLICE = 4096
# How many streams that we ended are told apart from those that the peer did: it learns of ours within a round
# trip.
_MOST_GIVEN_UP = 1024


class Source(Protocol):
    """Where a stream's outgoing bytes come from."""

    def pull(self, size: int) -> Sequence[Buffer] | None:
        """Return some bytes, about ``size`` at most, or None where there are none now.

        The buffers must not change afterwards: they are sent later.
        """


class GivenUp:
    """The streams that this side ended; what the peer sends on them meanwhile is no fault of its own."""

    def __init__(self) -> None:
        self._ids: dict[int, None] = {}
        self._forgotten = 0

    def add(self, stream_id: int) -> None:
        """Remember one; the oldest is forgotten for it, and counts as given up as all before it."""
        self._ids[stream_id] = None
        if len(self._ids) > _MOST_GIVEN_UP:
            oldest = next(iter(self._ids))
            del self._ids[oldest]
            self._forgotten = max(self._forgotten, oldest)

    def __contains__(self, stream_id: int) -> bool:
        return stream_id in self._ids or stream_id <= self._forgotten


class Stream:
    """One stream. ``ending`` is what closes our side once everything is sent: None not yet, () END_STREAM
    alone, else trailers."""

    __slots__ = (
        "_offset",
        "_pending",
        "ending",
        "held",
        "id",
        "incoming",
        "local_closed",
        "pending_size",
        "remote_closed",
        "send_window",
        "source",
        "unacknowledged",
    )

    def __init__(self, stream_id: int, send_window: int, incoming: IncomingMessage) -> None:
        self.id = stream_id
        self.incoming = incoming
        self.send_window = send_window
        self.unacknowledged = 0
        self.held = False
        self.source: Source | None = None
        self.ending: Headers | None = None
        self.local_closed = False
        self.remote_closed = False
        self.pending_size = 0
        self._pending: deque[memoryview] = deque()
        # How much of the first pending buffer is gone: cheaper than cutting it twice for every frame.
        self._offset = 0

    def queue(self, data: Buffer) -> None:
        """Add bytes to what waits."""
        size = len(data)
        if size:
            self._pending.append(memoryview(data))
            self.pending_size += size

    def refill(self, size: int) -> bool:
        """Ask the source for about ``size`` bytes; say whether there were any."""
        buffers = self.source.pull(size) if self.source is not None else None
        if not buffers:
            return False
        if len(buffers) > 2 and sum(map(len, buffers)) < len(buffers) * _WORTH_A_SLICE:
            buffers = (b"".join(buffers),)
        for buffer in buffers:
            self.queue(buffer)
        return self.pending_size > 0

    def move(self, size: int, most: int, out: list[Buffer]) -> None:
        """Move ``size`` of the pending bytes to ``out``, in DATA frames of at most ``most`` bytes each."""
        self.send_window -= size
        self.pending_size -= size
        header = FRAME_HEADER.pack(most >> 16, most & 0xFFFF, FrameType.DATA, 0, self.id)
        while size > most:
            out.append(header)
            self._cut(most, out)
            size -= most
        out.append(FRAME_HEADER.pack(size >> 16, size & 0xFFFF, FrameType.DATA, 0, self.id))
        self._cut(size, out)

    def _cut(self, size: int, out: list[Buffer]) -> None:
        pending, offset = self._pending, self._offset
        while True:
            first = pending[0]
            end = offset + size
            if end < len(first):
                out.append(first[offset:end])
                self._offset = end
                return
            out.append(first[offset:] if offset else first)
            pending.popleft()
            size = end - len(first)
            offset = 0
            if not size:
                self._offset = 0
                return
