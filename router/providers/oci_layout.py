"""A directory in the OCI image layout, as a store of blobs by their digests.

https://github.com/opencontainers/image-spec/blob/main/image-layout.md

Reading follows links, because tools make layouts of links; what is read is what the user named, and whoever
reads checks it against its digest. Writing doesn't: a blob appears whole, by the name that its content has,
and inside of the directory. Which blobs are images is said by the index, see ``oci_index``.
"""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import suppress

from router.descriptors import limit_hint
from router.errors import OutputError, UsageError, os_reason
from router.files import create_aside
from router.model.frozen import frozen
from router.notation.digest import ALGORITHMS, is_digest

__all__ = ["Blob", "BlobExistsError", "BlobWriter", "OCILayout", "WrongContentError"]

# As containerd leaves blobs: nobody writes to them any more. The umask takes from it.
_BLOB_MODE = 0o444


class WrongContentError(Exception):
    """What was written isn't what was announced; the message says what differs."""


class BlobExistsError(Exception):
    """There is such a blob already."""


@frozen
class Blob:
    """A blob that is there: its size in bytes and its times in seconds since 1970."""

    digest: str
    size: int
    modified: float
    accessed: float


class OCILayout:
    """The blobs of one directory. ``writable`` says whether there may be new ones. Used by one thread."""

    def __init__(self, path: str, *, writable: bool = False) -> None:
        self.path = path
        self.writable = writable
        self._written: list[str] = []

    def find(self, digest: str) -> Blob | None:
        """Return what is known of a blob, None where there is none of that digest, or it is no digest.

        Raises ``UsageError`` where it can't be looked for.
        """
        if not is_digest(digest):
            return None
        try:
            found = os.stat(self._path(digest))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as exc:
            raise UsageError(
                f"can't read {self._path(digest)}: {os_reason(exc)}",
                hint=limit_hint(exc) or f"namei -l {self._path(digest)} shows the rights on the way",
            ) from exc
        return Blob(digest=digest, size=found.st_size, modified=found.st_mtime, accessed=found.st_atime)

    def blobs(self) -> list[Blob]:
        """Return all blobs, in the order of their digests."""
        found: list[Blob] = []
        for algorithm in sorted(ALGORITHMS):
            with suppress(OSError):
                names = sorted(os.listdir(os.path.join(self.path, "blobs", algorithm)))
                found += filter(None, (self.find(f"{algorithm}:{name}") for name in names))
        return found

    def read(self, digest: str, offset: int, size: int) -> bytes:
        """Return some bytes of a blob, fewer only at its end. Raises ``OutputError``."""
        try:
            # O_NONBLOCK: what is a pipe under a blob's name must not hang the build.
            descriptor = os.open(self._path(digest), os.O_RDONLY | os.O_NONBLOCK)
            try:
                return os.pread(descriptor, size, offset)
            finally:
                os.close(descriptor)
        except OSError as exc:
            raise OutputError(f"can't read {self._path(digest)}: {os_reason(exc)}") from exc

    def remove(self, digest: str) -> None:
        """Remove a blob. Raises ``OutputError``."""
        try:
            os.unlink(self._path(digest))
        except OSError as exc:
            raise OutputError(f"can't remove {self._path(digest)}: {os_reason(exc)}") from exc

    def begin(self, *, algorithm: str = "sha256") -> BlobWriter:
        """Begin a blob, which its writer commits or aborts. Raises ``OutputError``."""
        try:
            os.makedirs(self.path, exist_ok=True)
            return BlobWriter(self, algorithm)
        except OSError as exc:
            raise OutputError(
                f"can't write to {self.path}: {os_reason(exc)}", hint=f"ls -ld {self.path}"
            ) from exc

    def sync(self) -> None:
        """Return once what was written is on the disk; only then may an index name it.

        Raises ``OutputError``.
        """
        folders: set[str] = set()
        try:
            for path in self._written:
                _sync(path)
                folders.add(os.path.dirname(path))
            for folder in folders:
                _sync(folder)
        except OSError as exc:
            raise OutputError(f"can't write to {self.path}: {os_reason(exc)}") from exc
        self._written.clear()

    def admit(self, temporary: str, digest: str) -> None:
        """Give a finished file its place; for ``BlobWriter``. Raises OSError and ``OutputError``."""
        algorithm, _, digits = digest.partition(":")
        final = os.path.join(self._folder(algorithm), digits)
        os.replace(temporary, final)
        self._written.append(final)

    def _path(self, digest: str) -> str:
        algorithm, _, digits = digest.partition(":")
        return os.path.join(self.path, "blobs", algorithm, digits)

    def _folder(self, algorithm: str) -> str:
        """Return the folder of an algorithm's blobs, made where it is missing."""
        folder = os.path.join(self.path, "blobs", algorithm)
        os.makedirs(folder, exist_ok=True)
        if os.path.realpath(folder) != os.path.join(os.path.realpath(self.path), "blobs", algorithm):
            raise OutputError(
                f"{folder} is a link out of {self.path}: nothing is written there",
                hint="name the directory that the link leads to",
            )
        return folder


class BlobWriter:
    """One blob on its way in. ``offset`` is how much of it is there; times are seconds since 1970."""

    def __init__(self, layout: OCILayout, algorithm: str) -> None:
        self.offset = 0
        self.started = self.updated = time.time()
        self._layout = layout
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm)
        descriptor, self._path = create_aside(layout.path, _BLOB_MODE)
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    @property
    def digest(self) -> str:
        """The digest of what is there."""
        return f"{self._algorithm}:{self._hash.hexdigest()}"

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises ``OutputError``."""
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self._file.write(rest) or 0 :]
        except OSError as exc:
            raise OutputError(f"can't write to {self._layout.path}: {os_reason(exc)}") from exc
        self._hash.update(data)
        self.offset += len(data)
        self.updated = time.time()

    def restart(self) -> None:
        """Begin anew: what is there doesn't count. Raises ``OutputError``."""
        try:
            self._file.seek(0)
            self._file.truncate()
        except OSError as exc:
            raise OutputError(f"can't write to {self._layout.path}: {os_reason(exc)}") from exc
        self._hash = hashlib.new(self._algorithm)
        self.offset = 0

    def commit(self, *, size: int = 0, expected: str = "") -> None:
        """Make the blob appear. A size of 0 and an empty digest are not checked.

        Raises ``WrongContentError``, ``BlobExistsError``, ``OutputError``; nothing stays behind then.
        """
        digest = self.digest
        try:
            self._check(digest, size, expected)
            self._file.close()
            self._layout.admit(self._path, digest)
        except OSError as exc:
            self.abort()
            raise OutputError(f"can't write to {self._layout.path}: {os_reason(exc)}") from exc
        except Exception:
            self.abort()
            raise
        self._path = ""

    def _check(self, digest: str, size: int, expected: str) -> None:
        if size and size != self.offset:
            raise WrongContentError(f"{self.offset} bytes came, {size} were announced")
        if expected and expected != digest:
            raise WrongContentError(f"what came is {digest}, {expected} was announced")
        known = self._layout.find(digest)
        # One of another size is what a machine that went down left behind.
        if known is not None and known.size == self.offset:
            raise BlobExistsError(digest)

    def abort(self) -> None:
        """Remove what is there, if it was not committed."""
        self._file.close()
        if self._path:
            with suppress(OSError):
                os.unlink(self._path)
            self._path = ""


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
