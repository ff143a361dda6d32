"""A connection to the first daemon that answers, for somebody else to speak on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from router.closing import Closing
from router.errors import ConnectionLostError, DialError, NoDaemonError, UnreachableError
from router.kubernetes.rights import share_rights
from router.model.daemon import Daemon
from router.net.deadline import Deadline
from router.net.stream import Buffer, ByteStream
from router.net.waiting import wait
from router.transport import dial
from router.transport.options import DialOptions

__all__ = ["Connection", "connect", "first_that_answers"]


class Connection(Closing):
    """A daemon and the stream to it, which has been silent so far; a context manager."""

    def __init__(self, daemon: Daemon, stream: ByteStream) -> None:
        self.daemon = daemon
        self.stream = stream

    def close(self) -> None:
        """Close the stream."""
        self.stream.close()


def first_that_answers(daemons: Iterable[Daemon], options: DialOptions) -> Connection:
    """Connect to one daemon after the other until one speaks.

    ``options.tell`` hears which ones did not. Raises UnreachableError where none does.
    """
    faults: list[UnreachableError] = []
    texts: list[str] = []
    forbidden: list[Daemon] = []
    for daemon in daemons:
        if any(share_rights(each.address, daemon.address) for each in forbidden):
            continue
        try:
            return connect(daemon, options)
        except (DialError, ConnectionLostError) as exc:
            texts.append(daemon.naming(str(exc)))
            options.tell(texts[-1])
            faults.append(exc)
            if exc.reason == "forbidden":
                forbidden.append(daemon)
    if len({str(fault) for fault in faults}) == 1:
        raise faults[0]
    tried = "".join(f"\n  {text}" for text in texts)
    raise NoDaemonError(
        f"none of the {len(faults)} daemons could be reached:{tried}", hint=faults[-1].hint
    ) from faults[-1]


def connect(daemon: Daemon, options: DialOptions) -> Connection:
    """Connect, and wait for the daemon's first word.

    A server of gRPC speaks first (its SETTINGS), and one that is frozen doesn't, although its kernel takes
    connections for it. Nothing is said on the connection, which is somebody else's. Raises DialError.
    """
    deadline = Deadline(options.timeout)
    stream = dial(daemon.address, options)
    try:
        greeted = _Greeted(stream, _greeting(stream, daemon, deadline))
    except BaseException:
        stream.close()
        raise
    options.tell(f"connected to {daemon.peer}")
    return Connection(daemon, greeted)


def _greeting(stream: ByteStream, daemon: Daemon, deadline: Deadline) -> bytes:
    try:
        while (data := stream.recv()) is None:
            wait(stream, deadline, writing=stream.wants_write())
            stream.flush()
    except TimeoutError as exc:
        raise DialError(
            f"{daemon.peer} did not answer in time",
            hint="check that buildkitd is running there; it may require TLS: try --tls-ca or --tls-dir",
            reason="timeout",
            temporary=True,
        ) from exc
    if not data:
        raise DialError(f"{daemon.peer} closed the connection at once", temporary=True)
    return data


class _Greeted:
    """A stream whose first bytes were read already."""

    def __init__(self, inner: ByteStream, greeting: bytes) -> None:
        self._inner = inner
        self._greeting = greeting

    def __repr__(self) -> str:
        return f"<greeted {self._inner!r}>"

    def fileno(self) -> int:
        return self._inner.fileno()

    def recv(self) -> bytes | None:
        if self._greeting:
            data, self._greeting = self._greeting, b""
            return data
        return self._inner.recv()

    def send(self, buffers: Sequence[Buffer]) -> int:
        return self._inner.send(buffers)

    def pending(self) -> bool:
        return bool(self._greeting) or self._inner.pending()

    def wants_write(self) -> bool:
        return self._inner.wants_write()

    def flush(self) -> None:
        self._inner.flush()

    def finish(self) -> bool:
        return self._inner.finish()

    def close(self) -> None:
        self._inner.close()
