"""Files on this machine that appear whole or not at all, and what is known of them before."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable

from router.errors import OutputError, UsageError, os_reason
from router.notation.quoting import quoted
from router.once import own_descriptor, require_open
from router.readable import directory_fault, is_missing

__all__ = [
    "FileSink",
    "check_apart",
    "check_directory",
    "check_file",
    "check_mirror",
    "check_new_file",
    "create_aside",
    "make_private",
]

# What a process that was killed leaves behind can be known by it.
_ASIDE = ".warmroute-"
_TRIES = 100


def make_private(directory: str) -> None:
    """Make a directory, and those above it that are missing, for this user alone. Raises OSError.

    One that is there already stays as it is.
    """
    # os.makedirs gives its mode to the last one only: with a umask of 0 all others could be written to, and
    # renamed, by everybody.
    above = os.path.dirname(directory.rstrip("/"))
    if above and not os.path.isdir(above):
        make_private(above)
    try:
        os.mkdir(directory, 0o700)
    except FileExistsError:
        if not os.path.isdir(directory):
            raise


def check_file(path: str, what: str) -> None:
    """Raise ``UsageError`` if it can be seen now that the file can't be written; ``what`` names it."""
    directory = os.path.dirname(path) or "."
    if os.path.isdir(path) or not os.path.basename(path):
        raise UsageError(f"{what} {quoted(path)} names a directory", hint="name the file to write")
    fault = directory_fault(directory)
    if fault and not is_missing(directory):
        raise UsageError(f"{what} {path}: {directory} {fault.text}", hint="name another file to write")
    if fault:
        raise UsageError(f"{what} {path}: there is no directory {directory}", hint=f"mkdir -p {directory}")
    if not os.access(directory, os.W_OK | os.X_OK) and not _is_special(path):
        raise UsageError(
            f"{what} {path}: the directory {directory} can't be written to", hint=f"ls -ld {directory}"
        )


def check_new_file(path: str, what: str) -> None:
    """Do as ``check_file``, for a file whose directory is made where it is missing."""
    directory = os.path.dirname(path) or "."
    if os.path.lexists(directory) or not os.path.basename(path):
        check_file(path, what)
    else:
        check_directory(directory, what)


def check_apart(outputs: Iterable[tuple[str, bool]]) -> None:
    """Raise ``UsageError`` where one output would replace another: pairs of a path, and whether it is a tree.

    Trees can share a directory, and what is no regular file takes whatever comes.
    """
    seen: dict[str, bool] = {}
    for path, is_tree in outputs:
        place = os.path.realpath(path)
        if place in seen and not (is_tree and seen[place]) and not _is_special(path):
            raise UsageError(f"two outputs would be written to {path}", hint="give each its own dest")
        seen[place] = is_tree


def create_aside(directory: str, mode: int = 0o666) -> tuple[int, str]:
    """Create a file in ``directory`` that is to be renamed; return its descriptor, for writing, and its path.

    The kernel takes the umask from ``mode``, as for every new file. Raises OSError.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    for _ in range(_TRIES):
        path = os.path.join(directory, f"{_ASIDE}{os.urandom(6).hex()}")
        with contextlib.suppress(FileExistsError):
            return os.open(path, flags, mode), path
    raise FileExistsError(f"no free name for a file in {directory}")


def check_directory(path: str, what: str) -> None:
    """Raise ``UsageError`` if it can be seen now that no tree can be written there; it need not exist yet."""
    parent = os.path.abspath(path)
    while not os.path.lexists(parent):
        parent = os.path.dirname(parent)
    if not os.path.isdir(parent):
        raise UsageError(f"{what} {path}: {parent} is not a directory", hint="name a directory")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise UsageError(f"{what} {path}: {parent} can't be written to", hint=f"ls -ld {parent}")


def check_mirror(path: str, what: str) -> None:
    """Raise ``UsageError`` for a directory that isn't below the working directory: it would be emptied."""
    here, there = os.path.realpath("."), os.path.realpath(path)
    if not there.startswith(os.path.join(here, "")) or there == here:
        raise UsageError(
            f"{what} {path}: mode=delete removes everything else there, and it is not below {here}",
            hint="to allow that: --allow buildx.local.delete",
        )


class FileSink:
    """Writes beside the destination and renames: the file appears whole or not at all.

    What is there and is no regular file (``/dev/null``, a pipe) is written to and stays, and so is an open
    descriptor of this process, whatever it leads to. ``begun``: something was written that can't be taken
    back. ``makes_directory``: where the directory is missing, it is made.
    """

    def __init__(self, path: str, *, makes_directory: bool = False) -> None:
        self.begun = False
        self._path = path
        self._temporary = ""
        # A link stays a link: what it names is replaced.
        self._final = os.path.realpath(path)
        try:
            require_open(path)
            if (own := own_descriptor(path)) is not None:
                # To replace /dev/stdout would take the file from everybody else who writes to it.
                self._file = os.fdopen(os.dup(own), "wb", buffering=0)
                return
            if _is_special(path):
                self._file = open(path, "wb", buffering=0)  # noqa: SIM115 - closed by commit and abort
                return
            directory = os.path.dirname(self._final)
            if makes_directory:
                os.makedirs(directory, 0o755, exist_ok=True)
            descriptor, self._temporary = create_aside(directory)
        except OSError as exc:
            raise OutputError(
                f"can't write the output to {path}: {os_reason(exc)}", hint="check permissions and free space"
            ) from exc
        self._file = os.fdopen(descriptor, "wb", buffering=0)

    @property
    def waits(self) -> bool:
        """Whether ``write`` may wait for somebody who reads: what is no regular file may be a pipe."""
        return not self._temporary

    def write(self, data: memoryview) -> None:
        """Take the next bytes."""
        self.begun = self.waits
        try:
            while data:
                data = data[self._file.write(data) or 0 :]
        except OSError as exc:
            raise OutputError(f"can't write the output to {self._path}: {os_reason(exc)}") from exc

    def commit(self) -> None:
        """Make the file appear."""
        try:
            self._file.close()
            if self._temporary:
                os.replace(self._temporary, self._final)
        except OSError as exc:
            raise OutputError(f"can't write the output to {self._path}: {os_reason(exc)}") from exc
        self._temporary = ""

    def abort(self) -> None:
        """Remove what is half-written."""
        self._file.close()
        if self._temporary:
            with contextlib.suppress(OSError):
                os.unlink(self._temporary)
            self._temporary = ""


def _is_special(path: str) -> bool:
    """Say whether something is there that is neither a regular file nor a directory."""
    return os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path)
