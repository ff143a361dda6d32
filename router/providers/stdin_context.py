"""What is piped in as a build's context: an archive, or a Dockerfile that needs no context.

An archive is kept in a file until the build is done, so that a second daemon can get it when the first one
is lost, and so that memory doesn't depend on its size.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from router.errors import UsageError, os_reason
from router.flags.context import MAX_DOCKERFILE, STDIN
from router.model.frozen import replace
from router.model.request import BuildRequest
from router.notation.archive import HEADER_SIZE, is_archive

__all__ = ["open_stdin_context"]

_COPY = 1024 * 1024
_HINT = "for example: warmroute build - < Dockerfile, or tar -c . | warmroute build -"


@contextmanager
def open_stdin_context(request: BuildRequest, stream: BinaryIO) -> Iterator[BuildRequest]:
    """Yield a request whose context is ``-`` with what the stream holds in its place.

    An archive becomes ``context_archive``, a file that is removed afterwards; what is none becomes
    ``dockerfile_text``. Raises ``UsageError`` for a stream that holds neither, or a request that contradicts
    what it holds.
    """
    if request.dockerfile == STDIN:
        raise UsageError(
            "the context and the Dockerfile can't both come from stdin",
            hint="put the Dockerfile into the archive, and name it there with --file NAME",
        )
    header = stream.read(HEADER_SIZE)
    if not header.strip(b"\0"):
        what = "holds an archive without files" if header else "is empty"
        raise UsageError(f"the context should come from stdin, but stdin {what}", hint=_HINT)
    if not is_archive(header):
        yield replace(request, dockerfile_text=_dockerfile(request, header, stream))
        return
    with tempfile.TemporaryDirectory(prefix="warmroute-context-") as directory:
        path = os.path.join(directory, "context")
        _spool(header, stream, path)
        yield replace(request, context_archive=path)


def _dockerfile(request: BuildRequest, header: bytes, stream: BinaryIO) -> bytes:
    if b"\0" in header:
        raise UsageError(
            "stdin holds neither a Dockerfile nor a tar archive (plain, gzip, bzip2, xz or zstd)",
            hint=_HINT,
        )
    if request.dockerfile is not None or request.dockerfile_text is not None:
        raise UsageError(
            f"stdin holds a Dockerfile, and --file names another ({request.dockerfile})",
            hint="leave one of them out; with a context of files: warmroute build --file - . < Dockerfile",
        )
    text = header + stream.read(MAX_DOCKERFILE)
    if len(text) > MAX_DOCKERFILE:
        raise UsageError(
            f"stdin holds no archive, and is too large for a Dockerfile "
            f"(more than {MAX_DOCKERFILE >> 20} MiB)",
            hint=_HINT,
        )
    return text


def _spool(header: bytes, stream: BinaryIO, path: str) -> None:
    try:
        with open(path, "wb") as file:
            file.write(header)
            shutil.copyfileobj(stream, file, _COPY)
    except OSError as exc:
        raise UsageError(
            f"can't keep the context from stdin in {os.path.dirname(path)}: {os_reason(exc)}",
            hint="TMPDIR=/a/larger/directory warmroute build ...",
        ) from exc
