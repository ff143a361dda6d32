"""Idle connections to daemons, kept for the next question."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from router.closing import Closing
from router.errors import RouterError
from router.model.daemon import Daemon
from router.rpc import RpcChannel

__all__ = ["KeptChannels", "lives"]

# How many connections are kept for one daemon, and for how many seconds. Further calls connect again.
_KEPT, _KEPT_FOR = 2, 60.0
# How often a connection is driven to see whether the peer has left: it says goodbye, and then closes.
_STEPS = 3

_Place = tuple[str, str]
_Entry = tuple[float, RpcChannel]


class KeptChannels(Closing):
    """Keeps connections, and closes those that a daemon gives up or that stay unused for long.

    Safe for threads. A thread of its own listens on them meanwhile: a daemon that shuts down asks on each
    whether its goodbye has arrived, and waits 5 s for the answer.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[_Place, list[_Entry]] = {}
        self._listener: threading.Thread | None = None
        self._closed = False
        self._bell, self._rope = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def take(self, daemon: Daemon) -> RpcChannel | None:
        """Return a kept connection that still works; None if there is none."""
        while True:
            with self._lock:
                entries = self._kept.get(_place(daemon))
                if not entries:
                    return None
                _, channel = entries.pop()
            if lives(channel):
                return channel
            channel.close()

    def put(self, daemon: Daemon, channel: RpcChannel) -> None:
        """Keep a connection; close it if there are enough, after ``close``, or if it is lost."""
        # The cancellation of an abandoned call is sent now: the connection may stay unused for long.
        if not (lives(channel) and self._add(_place(daemon), (time.monotonic(), channel))):
            channel.close()

    def close(self) -> None:
        """Close all kept connections."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            kept = [channel for entries in self._kept.values() for _, channel in entries]
            self._kept.clear()
            self._ring()
        for channel in kept:
            channel.close()
        if self._listener is not None:
            self._listener.join()
        os.close(self._bell)
        os.close(self._rope)

    def _add(self, place: _Place, entry: _Entry) -> bool:
        with self._lock:
            entries = self._kept.setdefault(place, [])
            if self._closed or len(entries) >= _KEPT:
                return False
            entries.append(entry)
            if self._listener is None:
                self._listener = threading.Thread(target=self._listen, name="kept connections", daemon=True)
                self._listener.start()
            self._ring()
        return True

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # a full pipe wakes it as well
            os.write(self._rope, b"\0")

    def _listen(self) -> None:
        while not self._closed:
            self._wait()
            for place, entry in self._called():
                if not (lives(entry[1]) and self._add(place, entry)):
                    entry[1].close()

    def _wait(self) -> None:
        """Return when a daemon sends something, a connection has been kept for long, or a new one is
        added."""
        poll = select.poll()
        poll.register(self._bell, select.POLLIN)
        with self._lock:
            # No other thread can take or close one now.
            entries = [entry for entries in self._kept.values() for entry in entries]
            heard = [channel.register(poll) for _, channel in entries]
        left = [since + _KEPT_FOR - time.monotonic() for since, _ in entries]
        if 0.0 not in heard:
            poll.poll(max(min(left), 0.0) * 1000 + 1 if left else None)
        with suppress(BlockingIOError):
            os.read(self._bell, 4096)

    def _called(self) -> Sequence[tuple[_Place, _Entry]]:
        """Take out the connections with something to read; close those that were kept for long."""
        begin = time.monotonic() - _KEPT_FOR
        called, old = [], []
        with self._lock:
            for place, entries in tuple(self._kept.items()):
                ended = [entry for entry in entries if entry[0] <= begin]
                heard = [entry for entry in entries if entry not in ended and _has_word(entry[1])]
                self._kept[place] = [entry for entry in entries if entry not in ended and entry not in heard]
                if not self._kept[place]:
                    del self._kept[place]
                old += ended
                called += [(place, entry) for entry in heard]
        for _, channel in old:
            channel.close()
        return called


def lives(channel: RpcChannel) -> bool:
    """Send and receive what is possible without waiting; say whether the peer is still connected."""
    steps = iter((False,) * _STEPS)

    def done() -> bool:
        channel.wake()
        return next(steps, True)

    try:
        channel.run(done, timeout=1.0)
    except RouterError:
        return False
    return True


def _has_word(channel: RpcChannel) -> bool:
    poll = select.poll()
    return channel.register(poll) == 0.0 or bool(poll.poll(0))


def _place(daemon: Daemon) -> _Place:
    return daemon.name, str(daemon.address)
