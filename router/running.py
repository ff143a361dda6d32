"""Programs run to their end: fed, read, interrupted, and bounded in time."""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import IO, Self

from router.cancellation import Cancellation
from router.errors import ToolError
from router.model.frozen import field, frozen
from router.process import Process, Stdio
from router.program import Command
from router.redaction import redacted

__all__ = ["DataHandler", "Finished", "LineHandler", "Watch", "run"]

LineHandler = Callable[[bytes], None]
DataHandler = Callable[[memoryview], None]

# An interrupted build must be over within two seconds; buildctl and docker need some of that to tell the
# daemon. What is left after this long is killed.
INTERRUPT_GRACE = 1.5

_CHUNK = 1 << 16
# As long as a message of a daemon's may be: buildctl writes one a line.
_LONGEST_LINE = 1 << 24


@frozen
class Finished:
    """How a program ended. ``returncode`` is negative for a signal; what went to a handler isn't kept."""

    returncode: int
    stdout: bytes = field(default=b"", repr=False)
    stderr: bytes = field(default=b"", repr=False)

    @property
    def message(self) -> str:
        """The last line of stderr that isn't empty, else of stdout, else how the program ended."""
        for output in (self.stderr, self.stdout):
            lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
            if lines:
                return lines[-1].strip()
        if self.returncode < 0:
            return f"killed by signal {-self.returncode}"
        return f"exit code {self.returncode}"


@frozen
class Watch:
    """What to look after while a program runs.

    ``deadline`` and ``first_output`` are seconds from the start: until the end, and until the first byte
    on stdout or stderr. Line handlers get lines without their end, ``stdout_data`` gets stdout as it comes;
    a stream without a handler is captured. ``grace`` is seconds between the interrupt of a canceled program
    and its end.
    """

    deadline: float | None = None
    first_output: float | None = None
    cancellation: Cancellation | None = None
    grace: float = INTERRUPT_GRACE
    on_stdout: LineHandler | None = None
    on_stderr: LineHandler | None = None
    stdout_data: DataHandler | None = None


def run(command: Command, watch: Watch = Watch(), stdio: Stdio = Stdio()) -> Finished:
    """Run a program to its end.

    A thrown ``watch.cancellation`` interrupts it (SIGINT, and SIGKILL soon after) and raises
    ``CancelledError``; a passed deadline kills it and raises ``ToolError``, which is temporary.
    """
    if watch.cancellation is not None:
        watch.cancellation.check()
    with Process(command, stdio) as process, _Pump(process, watch) as pump:
        returncode = pump.run()
        if watch.cancellation is not None:
            watch.cancellation.check()
        return Finished(returncode=returncode, stdout=pump.captured(0), stderr=pump.captured(1))


class _Lines:
    """Cuts one stream into lines for a handler, or keeps it whole where there is none.

    Of a line that is too long its beginning.
    """

    def __init__(self, handler: LineHandler | None) -> None:
        self._handler = handler
        self._kept = bytearray()

    def feed(self, data: memoryview) -> None:
        if self._handler is None:
            self._kept += data
            return
        first, *others = bytes(data).split(b"\n")
        self._grow(first)
        for part in others:
            line, self._kept = bytes(self._kept.removesuffix(b"\r")), bytearray()
            self._handler(line)
            self._grow(part)

    def _grow(self, part: bytes) -> None:
        self._kept += part[: _LONGEST_LINE - len(self._kept)]

    def end(self) -> bytes:
        """Return what was kept; a last line without an end goes to the handler."""
        kept, self._kept = bytes(self._kept), bytearray()
        if self._handler is None:
            return kept
        if kept:
            self._handler(kept)
        return b""


class _Pump:
    """One thread's loop over a process's pipes, its deadlines and the word "stop"."""

    def __init__(self, process: Process, watch: Watch) -> None:
        self._process = process
        self._watch = watch
        self._selector = selectors.DefaultSelector()
        self._streams = (_Lines(watch.on_stdout), _Lines(watch.on_stderr))
        self._feeds = (watch.stdout_data or self._streams[0].feed, self._streams[1].feed)
        self._input = memoryview(process.command.stdin)
        started = time.monotonic()
        self._deadline = None if watch.deadline is None else started + watch.deadline
        self._first = None if watch.first_output is None else started + watch.first_output
        self._kill_at: float | None = None
        self._open = 0

    def captured(self, index: int) -> bytes:
        """Return what stream 0 (stdout) or 1 (stderr) wrote, empty where a handler took it."""
        return self._streams[index].end()

    def run(self) -> int:
        """Move bytes until both streams end; return the exit code."""
        self._register()
        while self._open:
            events = self._selector.select(self._timeout())
            for key, _ in events:
                key.data()
            self._check_deadlines()
        return self._reap()

    def _register(self) -> None:
        process = self._process
        for pipe, feed in zip((process.stdout, process.stderr), self._feeds, strict=True):
            if pipe is not None:
                self._selector.register(pipe, selectors.EVENT_READ, partial(self._read, pipe, feed))
                self._open += 1
        if process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
            self._selector.register(process.stdin, selectors.EVENT_WRITE, self._write)
        if self._watch.cancellation is not None:
            self._selector.register(self._watch.cancellation.fileno(), selectors.EVENT_READ, self._interrupt)

    def _read(self, pipe: IO[bytes], feed: DataHandler) -> None:
        data = os.read(pipe.fileno(), _CHUNK)
        self._first = None
        if data:
            feed(memoryview(data))
        else:
            self._selector.unregister(pipe)
            self._open -= 1

    def _write(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        try:
            if self._input:
                self._input = self._input[os.write(pipe.fileno(), self._input[:_CHUNK]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._input = memoryview(b"")  # it has read all that it wanted
        if not self._input:
            self._selector.unregister(pipe)
            pipe.close()

    def _interrupt(self) -> None:
        assert self._watch.cancellation is not None
        self._selector.unregister(self._watch.cancellation.fileno())
        self._process.signal(signal.SIGINT)
        self._kill_at = time.monotonic() + self._watch.grace

    def _timeout(self) -> float | None:
        moments = [m for m in (self._deadline, self._first, self._kill_at) if m is not None]
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _check_deadlines(self) -> None:
        now = time.monotonic()
        if self._kill_at is not None:
            if now >= self._kill_at:
                self._process.signal(signal.SIGKILL)
                self._kill_at = None
                self._deadline = now + INTERRUPT_GRACE  # for pipes that outlive it
                self._first = None
            return
        if self._deadline is not None and now >= self._deadline:
            raise self._late(f"did not end within {self._watch.deadline:g} s")
        if self._first is not None and now >= self._first:
            raise self._late(f"gave no answer within {self._watch.first_output:g} s")

    def _late(self, what: str) -> ToolError:
        shown = " ".join(redacted(self._process.command.argv[:2]))
        return ToolError(f"{shown} {what}", reason="timeout", temporary=True)

    def _reap(self) -> int:
        returncode = self._process.wait(INTERRUPT_GRACE if self._kill_at is not None else self._left())
        if returncode is None:
            self._process.signal(signal.SIGKILL)
            returncode = self._process.wait()
        assert returncode is not None
        return returncode

    def _left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - time.monotonic())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._selector.close()
