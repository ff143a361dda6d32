"""How many builds daemons have in flight: watched, or waited for until one has room."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from math import inf
from operator import ne
from random import random
from types import TracebackType
from typing import Self

from router.cancellation import Cancellation
from router.closing import Closing
from router.errors import CancelledError, DialError, RouterError, RpcError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.retry import Pauses, persisting
from router.rpc import open_channel
from router.rpc.grpc import Status
from router.solve.control import Control
from router.solve.inflight import BuildsInFlight, counted_builds
from router.transport.options import DialOptions

__all__ = ["LoadWatch", "Waiting", "wait_for_room"]

# How many daemons are watched at once; each takes a connection and a thread.
_MOST_WATCHED = 16
# A daemon that is watched is asked again this often, in seconds, though nothing was heard: the end of a build
# whose record buildkitd can't write is told to nobody.
_LOOK_AGAIN = 2.0
# Who hears that there is room waits up to this long, less the longer they have waited in line already, so
# that not all of them come at once. Seconds, both.
_JITTER = 0.4
_ELDER = 5.0
# Seconds before a daemon that can't be reached is asked again.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 2.0
# How long threads may take to end; one that is connecting ends by itself.
_JOIN = 1.0
# How often the line is told of while it moves.
_TELL_EVERY = 5.0


class LoadWatch(Closing):
    """One connection that hears when a daemon's builds change, and then asks how they stand; a context
    manager.

    Raises, from its methods too, ``DialError``, ``ConnectionLostError``, ``RpcError`` (UNIMPLEMENTED where
    the daemon has no build history), ``CancelledError``.
    """

    def __init__(
        self, daemon: Daemon, options: DialOptions, cancellation: Cancellation | None = None
    ) -> None:
        self._stack = ExitStack()
        self._timeout = options.timeout
        self._channel = self._stack.enter_context(
            open_channel(daemon.address, options, peer=daemon.peer, cancellation=cancellation)
        )
        self._control = Control(self._channel)
        self._changed = False
        self._builds = 0
        self._listening = self._control.history(self._hear, follow=True)
        try:
            self.look()
        except BaseException:
            self.close()
            raise

    @property
    def builds(self) -> int:
        """How many were in flight when the daemon was last asked."""
        return self._builds

    def look(self) -> int:
        """Ask how many are in flight now; ``DialError`` where the answer takes longer than connecting may."""
        if not self._ask(time.monotonic() + self._timeout):
            raise DialError(
                f"{self._channel.peer} did not list its builds within {self._timeout:g} s",
                reason="timeout",
                temporary=True,
            )
        return self._builds

    def wait(self, until: Callable[[int], bool], *, timeout: float | None = None) -> bool:
        """Wait until ``until`` says so of the number in flight; False when ``timeout`` seconds are over."""
        end = inf if timeout is None else time.monotonic() + timeout
        while not until(self._builds):
            heard = self._run(lambda: self._changed, min(end, time.monotonic() + _LOOK_AGAIN))
            if not heard and time.monotonic() >= end:
                return False
            # What is heard tells nothing but that it is time to ask: see ``router.solve.inflight``.
            if not self._ask(end):
                return False
        return True

    def close(self) -> None:
        """Close the connection."""
        self._stack.close()

    def _hear(self, _event: memoryview) -> None:
        self._changed = True

    def _ask(self, end: float) -> bool:
        """Take the answer to a question that is put now; False where it is not there by ``end``."""
        self._changed = False
        builds = BuildsInFlight()
        asked = self._control.history(builds.see)
        if not self._run(lambda: asked.done, end):
            self._channel.cancel(asked)
            return False
        if asked.error is not None:
            raise asked.error
        self._builds = len(builds)
        return True

    def _run(self, until: Callable[[], bool], end: float) -> bool:
        """Listen until ``until`` says so; False where the time ``end`` comes first."""
        timeout = None if end == inf else end - time.monotonic()
        try:
            self._channel.run(until, timeout=timeout)
        except DialError as exc:
            if exc.reason != "timeout":
                raise
            return False
        if self._listening.error is not None:
            raise self._listening.error
        return True


@frozen
class Waiting:
    """How long somebody waits in line, in seconds; ``tell`` hears how the line stands, now and then."""

    seconds: float
    dial: DialOptions
    cancellation: Cancellation
    tell: Callable[[str], None]


def wait_for_room(bounds: Sequence[tuple[Daemon, int]], waiting: Waiting) -> Daemon | None:
    """Return the first daemon that has fewer builds in flight than its bound; None when the time is over.

    Where several have room the earlier in ``bounds`` is taken. A daemon that can't be reached is asked again
    until the time is over; one that never will be (a right is missing, say) is left out, and None is returned
    at once where none is left. Raises ``CancelledError``.
    """
    with _Line(bounds[:_MOST_WATCHED], waiting) as line:
        return line.wait()


class _Line:
    """Watches each daemon in a thread of its own; the caller's thread decides."""

    def __init__(self, bounds: Sequence[tuple[Daemon, int]], waiting: Waiting) -> None:
        self._bounds = bounds
        self._waiting = waiting
        self._began = time.monotonic()
        self._builds: dict[str, int | None] = {}
        self._away: set[str] = set()  # can't be reached now
        self._gone: set[str] = set()  # won't be
        self._stop = Cancellation()
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._threads = [
            threading.Thread(target=self._watch, args=(daemon,), name="line", daemon=True)
            for daemon, _ in bounds
        ]
        self._told_at = 0.0
        self._told = ""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stop.cancel()
        deadline = time.monotonic() + _JOIN
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        if not any(thread.is_alive() for thread in self._threads):
            self._stop.close()
            os.close(self._read)
            os.close(self._write)

    def wait(self) -> Daemon | None:
        end = self._began + self._waiting.seconds
        mine: float | None = None
        while len(self._gone) < len(self._bounds):
            now = time.monotonic()
            free = self._free()
            if now >= end:
                return free
            if free is None:
                mine = None
                self._tell(now)
            elif mine is None:
                mine = now + random() * _JITTER / (1 + (now - self._began) / _ELDER)  # noqa: S311 - no secret
            elif now >= mine:
                return free
            self._sleep(min(end, mine or end, now + _TELL_EVERY) - now)
        return None

    def _free(self) -> Daemon | None:
        for daemon, bound in self._bounds:
            builds = self._builds.get(daemon.name, bound)
            if builds is None or builds < bound:
                return daemon
        return None

    def _sleep(self, seconds: float) -> None:
        poll = select.poll()
        poll.register(self._read, select.POLLIN)
        poll.register(self._waiting.cancellation.fileno(), select.POLLIN)
        poll.poll(max(seconds, 0.0) * 1000 + 1)
        self._waiting.cancellation.check()
        with suppress(BlockingIOError):
            os.read(self._read, 4096)

    def _tell(self, now: float) -> None:
        known, away = dict(self._builds), set(self._away)
        if len(known.keys() | away | self._gone) < len(self._bounds):
            return  # not all have answered yet
        states: list[str] = []
        for daemon, bound in self._bounds:
            builds = known.get(daemon.name)
            if daemon.name in away:
                states.append(f"{daemon.name} is unreachable")
            elif builds is not None:
                states.append(f"{daemon.name} has {counted_builds(builds)} (limit {bound})")
        text = ", ".join(states)
        if text and text != self._told and now - self._told_at >= _TELL_EVERY:
            left = self._began + self._waiting.seconds - now
            self._waiting.tell(f"waiting in line for up to {left:.0f} s: {text}")
            self._told, self._told_at = text, now

    def _watch(self, daemon: Daemon) -> None:
        """Keep what is known of a daemon up to date until the wait is over, or nothing more will be known."""

        try:
            persisting(
                lambda: self._follow(daemon),
                again=lambda error, _attempt: error.temporary,
                pauses=Pauses(first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, sleep=self._stop.sleep),
                before_pause=lambda _error: self._lost(daemon, self._away),
            )
        except CancelledError:
            return
        except RpcError as exc:
            if exc.code == Status.UNIMPLEMENTED:
                self._builds[daemon.name] = None  # it can't tell, and counts as not busy
                self._wake()
            else:
                self._lost(daemon, self._gone)
        except RouterError:
            self._lost(daemon, self._gone)

    def _follow(self, daemon: Daemon) -> None:
        with LoadWatch(daemon, self._waiting.dial, self._stop) as watch:
            while True:
                builds = watch.builds
                self._builds[daemon.name] = builds
                self._away.discard(daemon.name)
                self._wake()
                watch.wait(partial(ne, builds))

    def _lost(self, daemon: Daemon, to: set[str]) -> None:
        self._builds.pop(daemon.name, None)
        to.add(daemon.name)
        self._wake()

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # a full pipe wakes as well
            os.write(self._write, b"\0")
