"""containerd.services.content.v1.Content: OCI layouts of this machine, read and written by the daemon.

The daemon gets the directories that this build names, and may write only to those that are for writing. It
names blobs by their digests, which are checked before they become file names. It can neither remove a blob
nor change a blob's metadata: no build needs that.

A call's metadata says which directory it is for. Only streaming methods get the metadata, so the calls with
one request are streaming ones here too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from google.protobuf.timestamp_pb2 import Timestamp

from router._proto import content_pb2 as pb
from router.net.stream import Buffer
from router.notation.digest import is_digest
from router.notation.quoting import quoted
from router.providers.oci_layout import Blob, BlobExistsError, BlobWriter, OCILayout, WrongContentError
from router.rpc.grpc import Status, prefix
from router.session.requests import undecodable
from router.session.server import CallMetadata, CallRefused, StreamHandler, StreamMethod

__all__ = ["content"]

_Message = TypeVar("_Message", bound=Message)

_SERVICE = "/containerd.services.content.v1.Content/"
_STORE = "buildkit-attachable-store-id"

# A code that only this service uses.
_OUT_OF_RANGE = 11

_CHUNK = 1024 * 1024
_INFOS_IN_A_MESSAGE = 100
# A client waits for each answer; containerd's sends a few requests ahead.
_MOST_ANSWERS = 1000
# containerd's refs are a prefix and a digest.
_MOST_REF = 1024


def content(stores: Mapping[str, OCILayout]) -> dict[str, StreamMethod]:
    """Return the methods of the service; ``stores`` has directories by the daemon's names for them."""
    if not stores:
        return {}
    active: dict[str, dict[str, _Write]] = {name: {} for name in stores}

    def method(answer: Callable[[OCILayout, bytes], Iterable[bytes]]) -> StreamMethod:
        return lambda metadata: _Question(partial(answer, stores[_chosen(metadata, stores)]))

    def about_writes(answer: Callable[[dict[str, _Write], bytes], Iterable[bytes]]) -> StreamMethod:
        return lambda metadata: _Question(partial(answer, active[_chosen(metadata, stores)]))

    def write(metadata: CallMetadata) -> StreamHandler:
        name = _chosen(metadata, stores)
        if not stores[name].writable:
            raise CallRefused(Status.PERMISSION_DENIED, f"store {name} is read-only in this build")
        return _Write(stores[name], active[name])

    return {
        f"{_SERVICE}Info": method(_info),
        f"{_SERVICE}Read": method(_read),
        f"{_SERVICE}List": method(_list),
        f"{_SERVICE}Update": method(_update),
        f"{_SERVICE}Delete": method(_delete),
        f"{_SERVICE}Status": about_writes(_status),
        f"{_SERVICE}ListStatuses": about_writes(_list_statuses),
        f"{_SERVICE}Abort": about_writes(_abort),
        f"{_SERVICE}Write": write,
    }


def _chosen(metadata: CallMetadata, stores: Mapping[str, OCILayout]) -> str:
    names = metadata.get(_STORE)
    if not names:
        raise CallRefused(Status.INVALID_ARGUMENT, f"the call has no {_STORE} metadata")
    if names[0] not in stores:
        raise CallRefused(Status.NOT_FOUND, f"unknown store {names[0]}")
    return names[0]


class _Question:
    """A call with one request; answers are made as they are sent, so that a large blob needs no memory."""

    def __init__(self, answer: Callable[[bytes], Iterable[bytes]]) -> None:
        self._answer = answer
        self._answers: Iterator[bytes] | None = None
        self.done = False

    def receive(self, message: memoryview) -> None:
        if self._answers is not None:
            raise CallRefused(Status.INVALID_ARGUMENT, "more than one request")
        self._answers = iter(self._answer(bytes(message)))

    def end_of_input(self) -> None:
        if self._answers is None:
            raise CallRefused(Status.INVALID_ARGUMENT, "the call has no request")

    def pull(self, size: int) -> Sequence[Buffer] | None:
        buffers: list[Buffer] = []
        while size > 0 and self._answers is not None and not self.done:
            answer = next(self._answers, None)
            if answer is None:
                self.done = True
            else:
                buffers += (prefix(len(answer)), answer)
                size -= len(answer)
        return buffers or None

    def close(self) -> None:
        self._answers = None


class _Write:
    """A call that writes one blob: each request is answered before the next one comes."""

    def __init__(self, store: OCILayout, active: dict[str, _Write]) -> None:
        self.done = False
        self.ref = ""
        self.total = 0
        self.expected = ""
        self.writer: BlobWriter | None = None
        self._store = store
        self._active = active
        self._answers: deque[bytes] = deque()

    def receive(self, message: memoryview) -> None:
        request = _parsed(pb.WriteContentRequest(), bytes(message))
        if self.done:
            raise CallRefused(Status.FAILED_PRECONDITION, "the blob is already committed")
        if len(self._answers) >= _MOST_ANSWERS:
            raise CallRefused(Status.RESOURCE_EXHAUSTED, f"{_MOST_ANSWERS} answers are waiting to be read")
        if request.total > 0:
            self.total = request.total
        writer = self._writer(request)
        answer = pb.WriteContentResponse(action=request.action)
        if request.action != pb.STAT:
            self._take(writer, request)
        if request.action == pb.COMMIT:
            self._commit(writer)
        answer.offset, answer.total, answer.digest = writer.offset, self.total, writer.digest
        _set_time(answer.started_at, writer.started)
        _set_time(answer.updated_at, writer.updated)
        self._answers.append(answer.SerializeToString())

    def end_of_input(self) -> None:
        self.done = True

    def pull(self, _size: int) -> Sequence[Buffer] | None:
        buffers: list[Buffer] = []
        while self._answers:
            answer = self._answers.popleft()
            buffers += (prefix(len(answer)), answer)
        return buffers or None

    def close(self) -> None:
        if self.writer is not None:
            self.writer.abort()
            self.writer = None
        if self._active.get(self.ref) is self:
            del self._active[self.ref]

    def _writer(self, request: pb.WriteContentRequest) -> BlobWriter:
        """Return the writer of the blob, created by the first request."""
        if request.expected:
            self._expect(request.expected)
        if self.writer is not None:
            return self.writer
        if not request.ref:
            raise CallRefused(Status.INVALID_ARGUMENT, "the first request has no ref")
        if len(request.ref) > _MOST_REF:
            raise CallRefused(Status.INVALID_ARGUMENT, f"the ref has more than {_MOST_REF} characters")
        if request.ref in self._active:
            raise CallRefused(Status.UNAVAILABLE, f"ref {request.ref} is already being written")
        self.ref = request.ref
        self._active[request.ref] = self
        self.writer = self._store.begin(algorithm=self.expected.partition(":")[0] or "sha256")
        return self.writer

    def _expect(self, digest: str) -> None:
        if not is_digest(digest):
            raise CallRefused(Status.INVALID_ARGUMENT, f"{quoted(digest)} is not a digest")
        known = self._store.find(digest)
        if known is not None and self.total in {0, known.size}:
            raise CallRefused(Status.ALREADY_EXISTS, f"blob {digest} exists")
        self.expected = digest

    def _take(self, writer: BlobWriter, request: pb.WriteContentRequest) -> None:
        if request.offset == 0 and writer.offset > 0:
            writer.restart()
        if request.offset != writer.offset:
            raise CallRefused(
                _OUT_OF_RANGE, f"can't write at {request.offset}: the blob has {writer.offset} bytes so far"
            )
        if self.total and writer.offset + len(request.data) > self.total:
            raise CallRefused(Status.FAILED_PRECONDITION, f"more than the {self.total} bytes announced")
        if request.data:
            writer.write(request.data)

    def _commit(self, writer: BlobWriter) -> None:
        try:
            writer.commit(size=self.total, expected=self.expected)
        except WrongContentError as exc:
            raise CallRefused(Status.FAILED_PRECONDITION, str(exc)) from exc
        except BlobExistsError as exc:
            raise CallRefused(Status.ALREADY_EXISTS, f"blob {exc} exists") from exc
        self.done = True


def _info(store: OCILayout, request: bytes) -> Iterable[bytes]:
    blob = _existing(store, _parsed(pb.InfoRequest(), request).digest)
    return [pb.InfoResponse(info=_described(blob)).SerializeToString()]


def _read(store: OCILayout, request: bytes) -> Iterable[bytes]:
    asked = _parsed(pb.ReadContentRequest(), request)
    blob = _existing(store, asked.digest)
    begin = max(asked.offset, 0)
    if begin > blob.size:
        raise CallRefused(_OUT_OF_RANGE, f"blob {blob.digest} has only {blob.size} bytes")
    end = min(begin + asked.size, blob.size) if asked.size > 0 else blob.size
    return _chunks(store, blob, begin, end)


def _chunks(store: OCILayout, blob: Blob, begin: int, end: int) -> Iterator[bytes]:
    position = begin
    while position < end:
        data = store.read(blob.digest, position, min(_CHUNK, end - position))
        if not data:
            raise CallRefused(Status.FAILED_PRECONDITION, f"blob {blob.digest} is truncated")
        # Counted from the start of this read, as containerd does.
        yield pb.ReadContentResponse(offset=position - begin, data=data).SerializeToString()
        position += len(data)


def _list(store: OCILayout, request: bytes) -> Iterable[bytes]:
    if _parsed(pb.ListContentRequest(), request).filters:
        raise CallRefused(Status.UNIMPLEMENTED, "filters are not supported")
    blobs = store.blobs()
    for start in range(0, len(blobs), _INFOS_IN_A_MESSAGE):
        infos = map(_described, blobs[start : start + _INFOS_IN_A_MESSAGE])
        yield pb.ListContentResponse(info=infos).SerializeToString()


def _update(_store: OCILayout, _request: bytes) -> Iterable[bytes]:
    raise CallRefused(Status.FAILED_PRECONDITION, "blob metadata can't be changed here")


def _delete(_store: OCILayout, _request: bytes) -> Iterable[bytes]:
    raise CallRefused(Status.PERMISSION_DENIED, "builds can't delete blobs on this machine")


def _status(active: dict[str, _Write], request: bytes) -> Iterable[bytes]:
    write = _underway(active, _parsed(pb.StatusRequest(), request).ref)
    return [pb.StatusResponse(status=_progress(write)).SerializeToString()]


def _list_statuses(active: dict[str, _Write], request: bytes) -> Iterable[bytes]:
    if _parsed(pb.ListStatusesRequest(), request).filters:
        raise CallRefused(Status.UNIMPLEMENTED, "filters are not supported")
    return [pb.ListStatusesResponse(statuses=map(_progress, active.values())).SerializeToString()]


def _abort(active: dict[str, _Write], request: bytes) -> Iterable[bytes]:
    # A broken call's data is removed with the call: nothing else is left.
    _underway(active, _parsed(pb.AbortRequest(), request).ref).close()
    return [b""]


def _existing(store: OCILayout, digest: str) -> Blob:
    if not is_digest(digest):
        raise CallRefused(Status.INVALID_ARGUMENT, f"{quoted(digest)} is not a digest")
    blob = store.find(digest)
    if blob is None:
        raise CallRefused(Status.NOT_FOUND, f"content {digest}: not found")
    return blob


def _underway(active: dict[str, _Write], ref: str) -> _Write:
    if ref not in active:
        raise CallRefused(Status.NOT_FOUND, f"no write with ref {ref} is under way")
    return active[ref]


def _described(blob: Blob) -> pb.Info:
    info = pb.Info(digest=blob.digest, size=blob.size)
    _set_time(info.created_at, blob.modified)
    _set_time(info.updated_at, blob.accessed)
    return info


def _progress(write: _Write) -> pb.Status:
    status = pb.Status(ref=write.ref, total=write.total, expected=write.expected)
    if write.writer is not None:
        status.offset = write.writer.offset
        _set_time(status.started_at, write.writer.started)
        _set_time(status.updated_at, write.writer.updated)
    return status


def _parsed(message: _Message, request: bytes) -> _Message:
    try:
        message.ParseFromString(request)
    except DecodeError:
        raise undecodable() from None
    return message


def _set_time(timestamp: Timestamp, seconds: float) -> None:
    timestamp.FromNanoseconds(int(seconds * 1_000_000_000))
