"""A program of this machine as a stream: what it reads on stdin and writes to stdout.

Both are one socket, so that one descriptor can be waited for. How it ended, and the last it said on stderr,
stand in the error.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Sequence

from router.errors import ConnectionLostError, UnreachableError
from router.net.exec_status import ExecEnd
from router.net.sockets import SocketStream
from router.net.stream import Buffer
from router.process import Process, Stdio
from router.program import Command

__all__ = ["CommandStream", "Ended"]

Ended = Callable[[ExecEnd, bytes, bool], UnreachableError]
"""Makes an error of how a program ended, its stderr, and whether it had written anything to stdout."""

_STDERR_TAIL = 4096
# How long a program whose output has ended may take to end itself, in seconds; and one that is closed.
_REAP = 1.0
_LEAVE = 0.5


class CommandStream:
    """A ByteStream over a program that runs for as long as the stream is open.

    Raises ToolError where it can't be started; later what ``ended`` makes of its end.
    """

    def __init__(self, command: Command, ended: Ended) -> None:
        self._name = command.argv[0]
        self._ended = ended
        ours, theirs = socket.socketpair()
        self._stderr = _Tail()
        with theirs, self._stderr.theirs as stderr:
            stdio = Stdio(stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=stderr.fileno())
            try:
                self._process = Process(command, stdio)
            except BaseException:
                ours.close()
                self._stderr.close()
                raise
        self._stream = SocketStream(ours, self._name)
        self._stderr.start()
        self._answered = False
        self._closed = False

    def __repr__(self) -> str:
        return f"<CommandStream {self._name} {'closed' if self._closed else 'open'}>"

    def fileno(self) -> int:
        """Return the descriptor of our end."""
        return self._stream.fileno()

    def recv(self) -> bytes | None:
        """Return what the program has written. Raises DialError, ConnectionLostError."""
        try:
            data = self._stream.recv()
        except ConnectionLostError as exc:
            raise self._error() from exc
        if data:
            self._answered = True
        elif data is not None and (self._end() != 0 or not self._answered):
            raise self._error()
        return data

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Write as much as fits to the program's stdin. Raises DialError, ConnectionLostError."""
        try:
            return self._stream.send(buffers)
        except ConnectionLostError as exc:
            raise self._error() from exc

    def pending(self) -> bool:
        """Say no: nothing is held back."""
        return False

    def wants_write(self) -> bool:
        """Say no: nothing is held back."""
        return False

    def flush(self) -> None:
        """Do nothing: nothing is held back."""

    def finish(self) -> bool:
        """Close the program's stdin."""
        return self._stream.finish()

    def close(self) -> None:
        """Let the program see the end of its stdin, and kill it where that doesn't end it soon."""
        if self._closed:
            return
        self._closed = True
        self._stream.close()
        self._process.wait(_LEAVE)
        self._process.close()
        self._stderr.close()

    def _end(self) -> int | None:
        """Return the exit code of a program that has closed its end; None where it stays all the same."""
        return self._process.wait(_REAP)

    def _error(self) -> UnreachableError:
        code = self._end()
        self._stderr.settle()
        message = "it closed its output" if code is None else ""
        return self._ended(ExecEnd(exit_code=code, message=message), self._stderr.text, self._answered)


class _Tail:
    """Reads a program's stderr aside, so that it never waits for us, and keeps the end of it."""

    def __init__(self) -> None:
        self.text = b""
        # A socket rather than a pipe: shutting it down wakes the thread, whoever holds the other end.
        self._ours, self.theirs = socket.socketpair()
        self._thread = threading.Thread(target=self._read, name="stderr", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def settle(self) -> None:
        """Wait a moment for the last words of a program that has ended."""
        self._thread.join(_LEAVE)

    def close(self) -> None:
        if self._thread.is_alive():
            self._ours.shutdown(socket.SHUT_RDWR)
            self._thread.join()
        self._ours.close()

    def _read(self) -> None:
        try:
            while data := self._ours.recv(1 << 16):
                self.text = (self.text + data)[-_STDERR_TAIL:]
        except OSError:
            return  # the program left without reading all that it was sent
