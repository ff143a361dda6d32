"""moby.filesync.v1.FileSend: takes results, as one stream of bytes or as a tree of files.

Where they end up is a sink's or the receiver's business; what is half-written when the call breaks is
thrown away there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from router.rpc.grpc import Status
from router.rpc.protobuf import bytes_field
from router.session.server import CallMetadata, CallRefused, StreamHandler, StreamMethod
from router.transport.stream import Buffer

if TYPE_CHECKING:
    from router.fstransfer.receiver import Receiver

__all__ = ["Directory", "Sink", "Target", "filesend"]


class Sink(Protocol):
    """Takes one stream of bytes. All methods may raise ``OutputError``."""

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""

    def commit(self) -> None:
        """All bytes have come: make the result appear."""

    def abort(self) -> None:
        """The stream broke, or was committed: drop what is still held."""


class Directory(str):
    """The destination of a tree of files."""

    __slots__ = ()


Target = Directory | Callable[[], Sink]


class _FileStream:
    """A tar or an image archive, arriving as BytesMessages."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._done = False

    @property
    def done(self) -> bool:
        return self._done

    def receive(self, message: memoryview) -> None:
        self._sink.write(bytes_field(message))

    def end_of_input(self) -> None:
        self._sink.commit()
        self._done = True

    def pull(self, _size: int) -> Sequence[Buffer] | None:
        return None

    def close(self) -> None:
        self._sink.abort()


class _Tree:
    """A directory, arriving by the file transfer protocol."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    @property
    def done(self) -> bool:
        return self._receiver.done

    def receive(self, message: memoryview) -> None:
        self._receiver.receive(message)

    def end_of_input(self) -> None:
        """The receiver knows the end from the FIN."""

    def pull(self, size: int) -> Sequence[Buffer] | None:
        return self._receiver.pull(size)

    def close(self) -> None:
        self._receiver.close()


def filesend(targets: Mapping[int, Target]) -> dict[str, StreamMethod]:
    """Return the methods of the service; targets are numbered as the exporters of the solve are."""

    by_number = {str(number): target for number, target in targets.items()}

    def diff_copy(metadata: CallMetadata) -> StreamHandler:
        # Daemons that know one exporter only send no number.
        number = metadata.get("buildkit-attachable-exporter-id", ["0"])[0]
        target = by_number.get(number)
        if target is None:
            raise CallRefused(Status.NOT_FOUND, f"exporter {number} has no destination on this machine")
        if isinstance(target, Directory):
            # Few builds write a tree here: the others need not load what does.
            from router.fstransfer.receiver import Receiver

            return _Tree(Receiver(target))
        return _FileStream(target())

    return {"/moby.filesync.v1.FileSend/DiffCopy": diff_copy}
