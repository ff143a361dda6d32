"""moby.upload.v1.Upload: sends the daemon one file as a stream of bytes, an archive as the build context.

The daemon's http source asks for it by a URL whose host is ``buildkit-session`` and whose path is the file's
id. It may ask several times: the file is read again each time.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from router.errors import UsageError, os_reason
from router.net.stream import Buffer
from router.notation.quoting import quoted
from router.rpc.grpc import Status, prefix
from router.rpc.protobuf import bytes_message_header
from router.session.server import CallMetadata, CallRefused, StreamHandler, StreamMethod

__all__ = ["upload", "upload_url"]

_HOST = "buildkit-session"
_CHUNK = 1024 * 1024


def upload_url(upload_id: str) -> str:
    """Return the URL that the daemon uses to ask for a file."""
    return f"http://{_HOST}/{upload_id}"


def upload(files: Mapping[str, str]) -> dict[str, StreamMethod]:
    """Return the methods of the service for files by their ids."""
    if not files:
        return {}

    def pull(metadata: CallMetadata) -> StreamHandler:
        upload_id = metadata.get("urlpath", [""])[0].rpartition("/")[2]
        if metadata.get("urlhost", [_HOST])[0] != _HOST or upload_id not in files:
            raise CallRefused(Status.NOT_FOUND, f"this build has no upload named {quoted(upload_id)}")
        return _Pull(files[upload_id])

    return {"/moby.upload.v1.Upload/Pull": pull}


class _Pull:
    """One file in transit, read as it is sent."""

    def __init__(self, path: str) -> None:
        self.done = False
        self._path = path
        try:
            # O_NONBLOCK: if the file has become a pipe, it must not hang the build.
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as exc:
            raise self._error(exc) from exc

    def receive(self, _message: memoryview) -> None:
        """The daemon has nothing to send here."""

    def end_of_input(self) -> None:
        """The file continues."""

    def pull(self, size: int) -> Sequence[Buffer] | None:
        if self.done:
            return None
        try:
            data = os.read(self._descriptor, min(max(size, 1), _CHUNK))
        except OSError as exc:
            raise self._error(exc) from exc
        if not data:
            self.done = True
            return None
        header = bytes_message_header(len(data))
        return [prefix(len(header) + len(data)) + header, data]

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _error(self, exc: OSError) -> UsageError:
        return UsageError(f"can't read the context {self._path}: {os_reason(exc)}")
