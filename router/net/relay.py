"""Move bytes between a client and a daemon that don't know of each other."""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import Protocol

from router.cancellation import Cancellation
from router.errors import ConnectionLostError
from router.net.buffers import without
from router.net.stream import Buffer, Buffered, Readable, Writable

__all__ = ["relay"]

# Some daemons can't be told that the client has nothing more to send. Once such a daemon has been silent for
# this long, in seconds, its last bytes count as the end. The kubelet gives a forwarded port as long.
_LINGER = 1.0


class _Sink(Writable, Buffered, Protocol):
    """The target of bytes, which may have to wait."""


class _End(Readable, _Sink, Protocol):
    """One of the two ends: a stream that the caller closes."""


def relay(client: _End, daemon: _End, *, cancellation: Cancellation | None = None) -> None:
    """Move bytes both ways until the daemon ends, the client is gone, or ``cancellation`` is triggered.

    A client that has finished sending still gets the rest of the daemon's bytes. The caller closes both
    streams. Raises the errors of the daemon's stream.
    """
    # The daemon's bytes go first: a client that has seen them all need not wait.
    guarded = _Client(client)
    answers, requests = _Direction(daemon, guarded), _Direction(guarded, daemon)
    while not (answers.finished or guarded.gone or (cancellation is not None and cancellation.cancelled)):
        if answers.move() | requests.move():
            continue
        patience = requests.patience(answers)
        if patience is not None and patience <= 0:
            return
        _wait((answers, requests), cancellation, patience)


class _Client:
    """The client's stream: an error ends it and affects nothing else."""

    def __init__(self, stream: _End) -> None:
        self.gone = False
        self._stream = stream

    def fileno(self) -> int:
        return self._stream.fileno()

    def recv(self) -> bytes | None:
        try:
            return self._stream.recv()
        except ConnectionLostError:
            self.gone = True
            return b""

    def send(self, buffers: Sequence[Buffer]) -> int:
        try:
            return self._stream.send(buffers)
        except ConnectionLostError:
            self.gone = True
            return 0

    def pending(self) -> bool:
        return self._stream.pending()

    def wants_write(self) -> bool:
        return self._stream.wants_write()

    def flush(self) -> None:
        try:
            self._stream.flush()
        except ConnectionLostError:
            self.gone = True

    def finish(self) -> bool:
        return self._stream.finish()


class _Direction:
    """The bytes from one stream to the other: one piece at a time, so that the slower one sets the pace."""

    def __init__(self, source: Readable, sink: _Sink) -> None:
        self.source, self.sink = source, sink
        self.finished = False
        self._ended = False
        self._told = False
        self._waiting: list[Buffer] = []
        self.moved = time.monotonic()

    @property
    def reading(self) -> bool:
        """Whether there is room for more bytes."""
        return not (self._ended or self.writing)

    @property
    def writing(self) -> bool:
        """Whether bytes wait for the sink."""
        return bool(self._waiting) or self.sink.wants_write()

    def move(self) -> bool:
        """Do one step, if one is possible now."""
        if self._waiting:
            taken = self.sink.send(self._waiting)
            self._waiting = without(self._waiting, taken)
            return taken > 0
        if self.sink.wants_write():
            self.sink.flush()
            return not self.sink.wants_write()
        if self._ended:
            return self._finish()
        data = self.source.recv()
        if data is None:
            return False
        self.moved = time.monotonic()
        self._ended = not data
        self._waiting = [data] if data else []
        return True

    def patience(self, answers: _Direction) -> float | None:
        """Return how long to wait for answers once requests have ended; None if their end will be visible."""
        if not self.finished or self._told:
            return None
        return max(answers.moved, self.moved) + _LINGER - time.monotonic()

    def _finish(self) -> bool:
        if self.finished:
            return False
        self._told = self.sink.finish()
        self.finished = True
        return True


def _wait(
    directions: tuple[_Direction, ...], cancellation: Cancellation | None, patience: float | None
) -> None:
    if any(each.reading and each.source.pending() for each in directions):
        return
    wanted: dict[int, int] = {}
    for each in directions:
        if each.reading:
            wanted[each.source.fileno()] = wanted.get(each.source.fileno(), 0) | select.POLLIN
        if each.writing:
            wanted[each.sink.fileno()] = wanted.get(each.sink.fileno(), 0) | select.POLLOUT
    if cancellation is not None:
        wanted[cancellation.fileno()] = select.POLLIN
    poll = select.poll()
    for descriptor, events in wanted.items():
        poll.register(descriptor, events)
    poll.poll(None if patience is None else patience * 1000)
