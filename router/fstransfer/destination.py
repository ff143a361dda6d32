"""Write below one directory, whatever the names are: the disk side of a local output.

The daemon isn't trusted. Every directory is opened from its parent without following links, so neither a link
that the daemon sends nor one that exists already leads out. Everything but directories is written to a
temporary name and renamed, so that it appears whole (a killed process leaves files named ``.warmroute-``). As
with BuildKit's own clients, whatever stands in its place is replaced, and directories are merged. A mirror
deletes everything else at the very end, when nothing can fail any more. All files belong to the current user.
"""

from __future__ import annotations

import os
import stat
from collections import OrderedDict
from dataclasses import dataclass

from router.fstransfer.access import make_accessible, remove_tree
from router.fstransfer.packets import Stat
from router.fstransfer.xattrs import write_xattrs

__all__ = ["Destination", "Directory", "PartialFile"]

# BuildKit sends the files in order, four at a time.
_MOST_OPEN = 16
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW

_GO_SPECIAL = ((1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000))
_GO_CHARACTER = 1 << 21
_GO_PIPE = 1 << 25
_GO_SYMLINK = 1 << 27


@dataclass(frozen=True, slots=True, eq=False)
class Directory:
    """A directory that exists below the destination; ``parent`` is None for the destination itself."""

    parent: Directory | None
    name: bytes
    path: bytes
    stat: Stat


@dataclass(slots=True, eq=False)
class PartialFile:
    """A file under its temporary name; ``remaining`` is the number of announced bytes still to come."""

    directory: Directory
    name: bytes
    stat: Stat
    aside: bytes
    descriptor: int
    remaining: int

    def write(self, data: bytes | memoryview) -> None:
        """Append to the file. Raises OSError."""
        self.remaining -= len(data)
        written = os.write(self.descriptor, data)
        while written < len(data):
            data = memoryview(data)[written:]
            written = os.write(self.descriptor, data)


class Destination:
    """The directory to write to; created if it doesn't exist. Methods raise OSError."""

    def __init__(self, path: bytes, *, mirror: bool = False) -> None:
        os.makedirs(path, 0o700, exist_ok=True)
        self.root = Directory(None, b"", b"", Stat())
        self._descriptor = _open_root(path)
        self._open: OrderedDict[Directory, int] = OrderedDict()
        self._made: list[Directory] = []
        self._partial: set[PartialFile] = set()
        self._owner = os.getuid(), os.getgid()
        self._token = b".warmroute-" + os.urandom(6).hex().encode() + b"-"
        self._count = 0
        # For a mirror: the names to keep, by directory.
        self._names: dict[Directory, set[bytes]] | None = {self.root: set()} if mirror else None

    def keep(self, parent: Directory, name: bytes) -> None:
        """Note that a name is part of the result: a mirror deletes all other names."""
        if self._names is not None:
            self._names.setdefault(parent, set()).add(name)

    def make_directory(self, parent: Directory, name: bytes, path: bytes, described: Stat) -> Directory:
        """Make a directory, or use an existing one; ``finish`` sets its mode and time."""
        around = self._descriptor_of(parent)
        directory = Directory(parent, name, path, described)
        try:
            os.mkdir(name, 0o700, dir_fd=around)
        except FileExistsError:
            status = os.lstat(name, dir_fd=around)
            if not stat.S_ISDIR(status.st_mode):
                os.unlink(name, dir_fd=around)
                os.mkdir(name, 0o700, dir_fd=around)
            elif status.st_mode & 0o700 != 0o700:
                # An earlier export may have left a directory that its owner can neither open nor write to.
                make_accessible(name, around)
        self._made.append(directory)
        return directory

    def make_symlink(self, parent: Directory, name: bytes, described: Stat) -> None:
        """Make a symbolic link; its target is never looked at."""
        around, aside = self._descriptor_of(parent), self._aside()
        os.symlink(described.link, aside, dir_fd=around)
        self._describe_and_rename(around, aside, name, described)

    def make_special(self, parent: Directory, name: bytes, described: Stat) -> None:
        """Make a named pipe, or a device, which only root may do."""
        mode = _permissions(described.mode)
        if described.mode & _GO_CHARACTER:
            mode |= stat.S_IFCHR
        else:
            mode |= stat.S_IFIFO if described.mode & _GO_PIPE else stat.S_IFBLK
        around, aside = self._descriptor_of(parent), self._aside()
        os.mknod(aside, mode, os.makedev(described.major, described.minor), dir_fd=around)
        self._describe_and_rename(around, aside, name, described)

    def make_link(self, source: tuple[Directory, bytes], parent: Directory, name: bytes) -> None:
        """Give a file that was written here a second name."""
        aside = self._aside()
        # Looking for the second directory may close the first one.
        origin = os.dup(self._descriptor_of(source[0]))
        try:
            around = self._descriptor_of(parent)
            os.link(source[1], aside, src_dir_fd=origin, dst_dir_fd=around, follow_symlinks=False)
        finally:
            os.close(origin)
        _rename(around, aside, name)

    def create_file(self, parent: Directory, name: bytes, described: Stat) -> PartialFile:
        """Create a file under a temporary name; ``complete`` moves it to its place."""
        aside = self._aside()
        descriptor = os.open(aside, _CREATE, 0o600, dir_fd=self._descriptor_of(parent))
        file = PartialFile(parent, name, described, aside, descriptor, described.size)
        self._partial.add(file)
        return file

    def complete(self, file: PartialFile) -> None:
        """Set mode, owner and time of a complete file and move it to its place."""
        self._describe(file.descriptor, file.stat)
        os.close(file.descriptor)
        file.descriptor = -1
        _rename(self._descriptor_of(file.directory), file.aside, file.name)
        self._partial.remove(file)

    def finish(self) -> None:
        """Set the directories' modes and times, now that nothing more is written to them."""
        if self._names is not None:
            for directory in (self.root, *self._made):
                self._clear(self._descriptor_of(directory), self._names.get(directory, set()))
        for directory in reversed(self._made):
            self._describe(self._descriptor_of(directory), directory.stat)
        self._made.clear()

    def close(self) -> None:
        """Remove incomplete files and release everything. Closing twice is allowed."""
        for file in self._partial:
            if file.descriptor >= 0:
                os.close(file.descriptor)
            try:
                os.unlink(file.aside, dir_fd=self._descriptor_of(file.directory))
            except OSError:
                continue
        self._partial.clear()
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _clear(self, around: int, kept: set[bytes]) -> None:
        """Remove everything in a directory except some names."""
        for name in os.listdir(around):
            entry = os.fsencode(name)
            if entry in kept:
                continue
            if stat.S_ISDIR(os.lstat(entry, dir_fd=around).st_mode):
                remove_tree(entry, around)
            else:
                os.unlink(entry, dir_fd=around)

    def _aside(self) -> bytes:
        self._count += 1
        return self._token + b"%d" % self._count

    def _descriptor_of(self, directory: Directory) -> int:
        """Return a descriptor that stays open until several other directories were asked for."""
        if directory.parent is None:
            return self._descriptor
        descriptor = self._open.get(directory)
        if descriptor is not None:
            self._open.move_to_end(directory)
            return descriptor
        missing = [directory]
        around = directory.parent
        while around.parent is not None and around not in self._open:
            missing.append(around)
            around = around.parent
        descriptor = self._open.get(around, self._descriptor)
        for step in reversed(missing):
            descriptor = os.open(step.name, _OPEN_DIRECTORY, dir_fd=descriptor)
            self._open[step] = descriptor
            # The one in use is the newest, so it is never the one to be closed.
            if len(self._open) > _MOST_OPEN:
                os.close(self._open.popitem(last=False)[1])
        return descriptor

    def _describe(self, descriptor: int, described: Stat) -> None:
        # In this order: a change of owner removes set-uid bits and capabilities.
        os.fchown(descriptor, *self._owner)
        if described.xattrs:
            write_xattrs(descriptor, described.xattrs)
        os.fchmod(descriptor, _permissions(described.mode))
        os.utime(descriptor, ns=(described.modified, described.modified))

    def _describe_and_rename(self, around: int, aside: bytes, name: bytes, described: Stat) -> None:
        try:
            os.chown(aside, *self._owner, dir_fd=around, follow_symlinks=False)
            if not described.mode & _GO_SYMLINK:
                os.chmod(aside, _permissions(described.mode), dir_fd=around)
            times = (described.modified, described.modified)
            os.utime(aside, ns=times, dir_fd=around, follow_symlinks=False)
        except (OSError, OverflowError):
            os.unlink(aside, dir_fd=around)
            raise
        _rename(around, aside, name)


def _rename(around: int, aside: bytes, name: bytes) -> None:
    """Move a file from its temporary name to its place; remove it if that fails."""
    try:
        try:
            os.rename(aside, name, src_dir_fd=around, dst_dir_fd=around)
        except IsADirectoryError:
            remove_tree(name, around)
            os.rename(aside, name, src_dir_fd=around, dst_dir_fd=around)
    except OSError:
        os.unlink(aside, dir_fd=around)
        raise


def _open_root(path: bytes) -> int:
    """Open the destination. The right to search it is enough: only a mirror lists it."""
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        if not hasattr(os, "O_PATH"):
            raise
        return os.open(path, os.O_PATH | os.O_DIRECTORY)


def _permissions(mode: int) -> int:
    """Return the permission bits of Go's ``os.FileMode`` as those of ``chmod``."""
    bits = mode & 0o777
    for go, unix in _GO_SPECIAL:
        if mode & go:
            bits |= unix
    return bits
