"""moby.filesync.v1.FileSend: takes results, as one stream of bytes or as a tree of files.

A sink or the receiver decides where they end up, and discards what is incomplete when the call breaks.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from router.errors import OutputError
from router.model.frozen import frozen
from router.net.stream import Buffer
from router.rpc.grpc import Status
from router.rpc.protobuf import bytes_field
from router.session.server import CallMetadata, CallRefused, StreamHandler, StreamMethod

if TYPE_CHECKING:
    from router.fstransfer.receiver import Receiver

__all__ = ["Directory", "Sink", "Target", "filesend"]


# Once its call is over, a result that is being committed may still take this long, in seconds. A rename takes
# no time; anything slower is told to stop.
_COMMIT_GRACE = 0.2
_STOP_GRACE = 1.0

# Bytes of a result that may wait to be written before the daemon is told to pause.
_MOST_PENDING = 1 << 20

# Set on a call that carries the trees of all platforms.
_WHOLE_RESULT = "buildkit-exporter-multi-platform"


class Sink(Protocol):
    """Takes one stream of bytes. All methods may raise ``OutputError``.

    ``waits``: ``write`` may wait for a reader. It is then called from a thread of its own, and the daemon
    pauses; the session goes on.
    """

    @property
    def waits(self) -> bool:
        """Whether ``write`` may take long."""

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""

    def commit(self) -> None:
        """All bytes have arrived: make the result appear. May take minutes."""

    def abort(self) -> None:
        """The stream broke, or was committed: discard the rest, and make ``commit`` end soon."""


@frozen
class Directory:
    """The destination of a tree of files. ``mirror``: after the build it must hold nothing else."""

    path: str
    mirror: bool = False


Target = Directory | Callable[[], Sink]


class _Aside(threading.Thread):
    """Works on a result in a thread of its own: writes the bytes it gets, then makes the result appear.

    An engine takes its time to unpack an image, and nobody may be reading from a pipe.
    """

    def __init__(self, sink: Sink, wake: Callable[[], None]) -> None:
        super().__init__(name="output", daemon=True)
        self.finished = False
        self.error: Exception | None = None
        self._sink = sink
        self._wake = wake
        self._changed = threading.Condition()
        # Shared: read and changed only under the condition.
        self._pending: deque[bytes] = deque()
        self._size = 0
        self._ended = self._dropped = False

    @property
    def full(self) -> bool:
        """Whether more bytes wait than allowed."""
        return self._size > _MOST_PENDING

    def feed(self, data: memoryview) -> None:
        """Queue bytes to be written."""
        with self._changed:
            self._pending.append(bytes(data))
            self._size += len(data)
            self._changed.notify()

    def end(self) -> None:
        """No more bytes will come."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def drop(self) -> None:
        """Stop writing the result."""
        with self._changed:
            self._dropped = True
            self._changed.notify()

    def run(self) -> None:
        try:
            while (data := self._next()) is not None:
                self._sink.write(memoryview(data))
                self._written(len(data))
            if not self._dropped:
                self._sink.commit()
        except Exception as exc:  # noqa: BLE001 - raised again in the connection's thread
            self.error = exc
        self.finished = True
        self._wake()

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._ended or self._dropped)
            return self._pending.popleft() if self._pending and not self._dropped else None

    def _written(self, size: int) -> None:
        with self._changed:
            was_full = self.full
            self._size -= size
        if was_full and not self.full:
            self._wake()


class _FileStream:
    """A tar or an image archive, arriving as BytesMessages."""

    def __init__(self, sink: Sink, wake: Callable[[], None]) -> None:
        self._sink = sink
        self._aside = _Aside(sink, wake)
        if sink.waits:
            self._aside.start()

    @property
    def done(self) -> bool:
        return self._aside.finished

    @property
    def full(self) -> bool:
        return self._aside.full

    def receive(self, message: memoryview) -> None:
        if self._aside.error is not None:
            raise self._aside.error
        data = bytes_field(message)
        if not data:
            return  # any number of empty pieces could wait without counting as full
        if self._sink.waits:
            self._aside.feed(data)
        else:
            self._sink.write(data)

    def end_of_input(self) -> None:
        self._aside.end()
        if not self._sink.waits:
            self._aside.start()

    def pull(self, _size: int) -> Sequence[Buffer] | None:
        if self._aside.finished and self._aside.error is not None:
            raise self._aside.error
        return None

    def close(self) -> None:
        if self._aside.is_alive():
            self._aside.join(_COMMIT_GRACE)
        self._aside.drop()
        self._sink.abort()
        if self._aside.is_alive():
            self._aside.join(_STOP_GRACE)


def _tell_nobody() -> None:
    """Do nothing."""


def filesend(
    targets: Mapping[int, Target], *, wake: Callable[[], None] = _tell_nobody
) -> dict[str, StreamMethod]:
    """Return the methods of the service; targets have the numbers of the solve's exporters.

    ``wake`` is called, from another thread, when a result has appeared or failed: the call continues when the
    session is driven again.
    """

    by_number = {str(number): target for number, target in targets.items()}

    def diff_copy(metadata: CallMetadata) -> StreamHandler:
        # Daemons that support only one exporter send no number.
        number = metadata.get("buildkit-attachable-exporter-id", ["0"])[0]
        target = by_number.get(number)
        if target is None:
            raise CallRefused(Status.NOT_FOUND, f"exporter {number} has no destination on this machine")
        if isinstance(target, Directory):
            return _receiver(target, metadata)
        return _FileStream(target(), wake)

    return {"/moby.filesync.v1.FileSend/DiffCopy": diff_copy}


def _receiver(target: Directory, metadata: CallMetadata) -> Receiver:
    if target.mirror and "1" not in metadata.get(_WHOLE_RESULT, ()):
        # An older daemon sends a tree for each platform, and each would delete the others.
        raise OutputError(
            "the daemon does not support mode=delete for a local output",
            hint="upgrade BuildKit, or leave mode=delete out and remove the directory before the build",
        )
    # Few builds write a tree here; the others need not load the receiver.
    from router.fstransfer.receiver import Receiver

    return Receiver(target.path, mirror=target.mirror)
