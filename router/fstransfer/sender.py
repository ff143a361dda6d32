"""Send a directory to the daemon: the client's half of ``FileSync.DiffCopy``.

A state machine without a network: its caller hands in messages from the daemon and takes out the messages to
send, as gRPC messages with their prefix. Files are read here, when their turn comes, so memory doesn't grow
with their size. No threads, and no waiting except for one tick of a clock (``doubts``).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from errno import ELOOP, ENOTDIR, ESTALE
from stat import S_ISBLK, S_ISCHR, S_ISDIR, S_ISLNK, S_ISSOCK

from router.descriptors import limit_hint
from router.errors import RouterError, TransferError, UsageError, os_reason
from router.fstransfer import packets
from router.fstransfer.beneath import Root
from router.fstransfer.content import NOTHING, SOCKET, Contents
from router.fstransfer.manner import Manner
from router.fstransfer.selection import Filter, select
from router.fstransfer.walk import Entry, walk, walk_selected
from router.fstransfer.xattrs import read_xattrs
from router.notation.quoting import quoted

__all__ = ["Filter", "Sender"]

# Few enough that the daemon starts to work, and to ask, while the walk goes on.
_STATS_AT_ONCE = 1 << 16

_NEVER = 1 << 63
_EVERYTHING = Filter()
_AS_THEY_ARE = Manner()

# The errors if a link, a file, or another directory has replaced the one that was there before.
_REPLACED = frozenset({ELOOP, ENOTDIR, ESTALE})


class Sender:
    """Sends one directory.

    ``Sender(...)``, ``receive`` and ``pull`` raise UsageError for a file or a directory that can't be sent,
    and TransferError for a fault of the daemon; the caller then ends the call with a status that says so,
    which the daemon shows. ``on_progress`` is called with ``bytes_sent`` after each ``pull`` that sent
    something.
    """

    def __init__(
        self,
        root: bytes,
        *,
        filter: Filter = _EVERYTHING,  # noqa: A002 - the protocol's word
        reset_ids: bool = True,
        manner: Manner = _AS_THEY_ARE,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        self.done = False
        self.bytes_sent = 0
        self._root = _open(root)
        self._doubts, self._times = manner.doubts, manner.times
        self._on_progress = on_progress
        self._pack = packets.StatPacker(reset_ids=reset_ids).pack
        self._entries: Generator[Entry] | None = _selected(self._root, filter)
        self._place = -1
        self._doubtful = _NEVER
        self._links: dict[tuple[int, int], bytes] = {}
        self._contents = Contents(self._root)
        self._ended = False
        self._failure: RouterError | None = None

    def __repr__(self) -> str:
        state = (
            "failed" if self._failure else "done" if self.done else "walking" if self._entries else "walked"
        )
        return f"<Sender {os.fsdecode(self._root.path)!r}: {len(self._contents)} entries, {state}>"

    @property
    def files_sent(self) -> int:
        """The number of files whose content has been sent."""
        return self._contents.files_sent

    def receive(self, message: bytes | memoryview) -> None:
        """Take one message from the daemon: a request, the end of the transfer, or its error."""
        try:
            number = packets.parse_request(message)
            if number is not None:
                self._contents.request(number)
            else:
                self._take(packets.parse(message))
        except RouterError as exc:
            self._fail(exc)
            raise

    def end_of_input(self) -> None:
        """Do nothing: when the daemon closes its side, its last packet has already said that it has
        everything."""

    def pull(self, size: int) -> list[bytes | memoryview] | None:
        """Return about ``size`` bytes of framed messages, or None if it is the daemon's turn."""
        if self._failure is not None:
            raise self._failure
        out: list[bytes | memoryview] = []
        try:
            # Requested content goes before further entries: faster, and fewer requests wait in memory.
            sent = self._contents.pull(out, size)
            if sent < size and self._entries is not None:
                sent += self._describe(out, self._entries, min(size - sent, _STATS_AT_ONCE))
        except OSError as exc:
            error = _unreadable(exc, self._root.path)
            self._fail(error)
            raise error from exc
        except RouterError as exc:
            self._fail(exc)
            raise
        if self._ended and not self.done:
            self.done = True
            out.append(packets.FIN_MESSAGE)
            sent += len(packets.FIN_MESSAGE)
            self.close()
        if not out:
            return None
        self.bytes_sent += sent
        if self._on_progress is not None:
            self._on_progress(self.bytes_sent)
        return out

    def close(self) -> None:
        """Close the directory and the open file in it. Closing twice is allowed."""
        self._contents.close()
        if self._entries is not None:
            self._entries.close()
        self._root.close()

    def _fail(self, error: RouterError) -> None:
        """Stay failed after an error: the rest would look like a complete, shorter tree."""
        self._failure = error
        self.close()

    def _take(self, packet: packets.Packet) -> None:
        if packet.kind == packets.REQ:
            self._contents.request(packet.number)
        elif packet.kind == packets.FIN:
            if self._entries is not None or not self._contents.idle:
                raise TransferError("the daemon ended the transfer before it had all files it asked for")
            self._ended = True
        elif packet.kind == packets.ERR:
            text = bytes(packet.data).decode("utf-8", "replace")
            raise TransferError(f"the daemon could not take {quoted(os.fsdecode(self._root.path))}: {text}")
        else:
            raise TransferError(
                f"the daemon sent a packet of type {packet.kind} instead of a request for a file"
            )

    def _describe(self, out: list[bytes | memoryview], entries: Generator[Entry], size: int) -> int:
        """Describe further entries; after the last one, send the message that ends the list."""
        messages: list[bytes] = []
        sent = 0
        pack, contents = self._pack, self._contents
        announce, promise, read = contents.announce, contents.promise, contents.read
        doubts, times = self._doubts, self._times
        top = os.path.join(self._root.path, b"")
        place, doubtful = self._place, self._doubtful
        for entry in entries:
            path, directory, name, status = entry
            if directory != place:
                place = directory
                if doubts is not None:
                    doubtful = doubts.enter(path[: -len(name) - 1], directory)
                elif times is not None:
                    times.enter(directory)
            plain = status.st_mode & 0o170000 == 0o100000
            try:
                xattrs = read_xattrs(top + path, directory, name)
                common = plain and status.st_nlink == 1 and not xattrs
                extra = b"" if common else self._extra(entry, xattrs)
            except FileNotFoundError:
                continue  # it vanished before its content could be promised
            if plain and status.st_ctime_ns >= doubtful and doubts is not None:
                extra += doubts.mark(status)
            announce(path, status.st_size if plain else SOCKET if S_ISSOCK(status.st_mode) else NOTHING)
            when = b""
            if times is not None:
                if common:
                    when, blob = times.plain(path, status, read)
                else:
                    when, blob = times.any(path, status, extra, xattrs, read)
                promise(status.st_ctime_ns, blob)
            message = pack(path, status, extra, when)
            messages.append(message)
            sent += len(message)
            if sent >= size:
                break
        else:
            self._entries = None
            self._links.clear()
            if doubts is not None:
                doubts.end(len(self._contents), self.bytes_sent + self._contents.size)
            messages.append(packets.LAST_STAT_MESSAGE)
            sent += len(packets.LAST_STAT_MESSAGE)
        self._place, self._doubtful = place, doubtful
        out.append(b"".join(messages))
        return sent

    def _extra(self, entry: Entry, xattrs: dict[bytes, bytes]) -> bytes:
        """Return the fields that only few entries have."""
        path, directory, name, status = entry
        mode = status.st_mode
        link = b""
        if S_ISLNK(mode):
            link = os.readlink(name, dir_fd=directory)
        elif status.st_nlink > 1 and not S_ISDIR(mode):
            first = self._links.setdefault((status.st_dev, status.st_ino), path)
            link = b"" if first is path else first
        device = status.st_rdev if S_ISCHR(mode) or S_ISBLK(mode) else 0
        return packets.extra_fields(link=link, device=device, xattrs=xattrs)


def _open(root: bytes) -> Root:
    """Open ``root`` without following links, so that changing a link during the transfer has no effect."""
    try:
        return Root(os.path.realpath(root, strict=True))
    except NotADirectoryError as exc:
        raise UsageError(
            f"can't send {quoted(os.fsdecode(root))}: it is not a directory", reason="context"
        ) from exc
    except OSError as exc:
        raise _unreadable(exc, root) from exc


def _selected(root: Root, chosen: Filter) -> Generator[Entry]:
    try:
        scope = select(root, chosen)
    except OSError as exc:
        root.close()
        raise _unreadable(exc, root.path) from exc
    except RouterError:
        root.close()
        raise
    return walk(root) if scope is None else walk_selected(root, scope)


def _unreadable(error: OSError, root: bytes) -> UsageError:
    name = error.filename if error.filename is not None else root
    said = os_reason(error)
    hint = "make it readable, or exclude it in .dockerignore, and let no ! pattern match anything in it"
    if name == root or os.fsencode(name).endswith(b".dockerignore"):
        hint = "make it readable"  # it can't be excluded
    elif isinstance(error, FileNotFoundError):
        hint = "it existed a moment ago: exclude it in .dockerignore, or build while nothing removes it"
    elif error.errno in _REPLACED:
        said = "it was replaced while it was being sent"
        hint = "exclude it in .dockerignore, or build while nothing replaces it"
    hint = limit_hint(error) or hint
    return UsageError(f"can't send {quoted(os.fsdecode(name))}: {said}", hint=hint, reason="context")
