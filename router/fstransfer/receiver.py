"""Take a directory tree from the daemon: the client's half of ``FileSend.DiffCopy`` for ``type=local``.

A state machine without a network, like the sender: messages of the daemon go in, requests come out, and the
files are written as their content arrives. Every file is asked for, as BuildKit's own clients do. Files that
aren't part of the result stay unchanged; if the user wants a mirror of the result, they are deleted once
everything has arrived.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from router.descriptors import limit_hint
from router.errors import OutputError, RouterError, TransferError, os_reason
from router.fstransfer import packets
from router.fstransfer.destination import Destination, Directory, PartialFile
from router.fstransfer.limits import Kept, quoted_name
from router.fstransfer.order import Order
from router.notation.quoting import quoted

__all__ = ["Receiver"]

_GO_TYPE = 0x8F280000
_GO_DIRECTORY = 1 << 31
_GO_SYMLINK = 1 << 27
_GO_SPECIAL = 1 << 26 | 1 << 25 | 1 << 21

# BuildKit sends four files at a time; each one needs a descriptor.
_MOST_AT_ONCE = 256
# Each is remembered until the transfer is over; a daemon that never stops announcing files must not fill the
# memory. The largest images have some hundred thousand.
_MOST_ENTRIES = 10_000_000
# The limit for the text of a daemon's error.
_MOST_TEXT = 4096


class Receiver:
    """Takes one tree. ``mirror``: at the end, entries of the destination that aren't in the tree are removed.

    ``Receiver(...)`` and ``receive`` raise OutputError for a file that can't or must not be written and
    TransferError for a fault of the daemon; the caller then ends the call with a status that says so, which
    the daemon shows. ``on_progress`` is called with ``bytes_received`` after each packet of content.
    """

    def __init__(
        self,
        destination: str | bytes,
        *,
        mirror: bool = False,
        on_progress: Callable[[int], None] | None = None,
    ) -> None:
        self.done = False
        self.bytes_received = 0
        self.files_received = 0
        self._next = 0
        self._name = os.fsdecode(destination)
        self._on_progress = on_progress
        try:
            self._destination = Destination(os.fsencode(destination), mirror=mirror)
        except OSError as exc:
            raise self._unwritable(exc, b"") from exc
        self._order = Order(self._destination.root)
        self._kept = Kept()
        self._described = False
        self._wanted: dict[int, tuple[Directory, bytes, packets.Stat]] = {}
        self._partial: dict[int, PartialFile] = {}
        self._files: dict[bytes, tuple[Directory, bytes]] = {}
        self._links: list[tuple[packets.Stat, Directory, bytes]] = []
        self._out: list[bytes] = []
        self._finished = False
        self._failure: RouterError | None = None

    def __repr__(self) -> str:
        state = "failed" if self._failure else "done" if self.done else "receiving"
        return f"<Receiver {self._name!r}: {self._next} entries, {len(self._wanted)} to come, {state}>"

    def receive(self, message: bytes | memoryview) -> None:
        """Take one message from the daemon; no reference to it is kept."""
        if self._failure is not None:
            raise self._failure
        try:
            data = packets.parse_data(message)
            if data is not None:
                self._take_data(*data)
            else:
                self._take(packets.parse(message))
        except RouterError as exc:
            self._failure = exc
            self.close()
            raise

    def end_of_input(self) -> None:
        """Do nothing: the end of the transfer is a packet."""

    def pull(self, size: int) -> list[bytes | memoryview] | None:
        """Return framed messages to send, or None where the daemon has to speak first."""
        if self._failure is not None:
            raise self._failure
        if not self._out:
            return None
        count = max(size // len(self._out[-1]), 1)
        now, self._out = self._out[:count], self._out[count:]
        return [b"".join(now)]

    def close(self) -> None:
        """Remove incomplete files and release everything. Closing twice is allowed."""
        self._destination.close()

    def _take(self, packet: packets.Packet) -> None:
        match packet.kind:
            case packets.DATA:
                self._take_data(packet.number, packet.data)
            case packets.STAT if self._described:
                raise TransferError("the daemon announced a file after the end of the list")
            case packets.STAT if packet.stat is not None:
                self._take_entry(packets.parse_stat(packet.stat))
            case packets.STAT:
                self._described = True
                self._finish_if_complete()
            case packets.FIN:
                if not self._finished:
                    raise TransferError("the daemon ended the transfer before it had sent all files")
                self.done = True
            case packets.ERR:
                text = bytes(packet.data[:_MOST_TEXT]).decode("utf-8", "replace")
                raise TransferError(f"the daemon could not send the files for {quoted(self._name)}: {text}")
            case _:
                raise TransferError(f"the daemon sent a packet of type {packet.kind} instead of a file")

    def _take_entry(self, entry: packets.Stat) -> None:
        """Create an entry without content; ask for the content of a file."""
        number = self._next
        if number >= _MOST_ENTRIES:
            raise TransferError(f"the daemon sent more than {_MOST_ENTRIES} files in one tree")
        self._next += 1
        self._kept.take(entry)
        path = entry.path
        parent, name = self._order.locate(path)
        self._destination.keep(parent, name)
        kind = entry.mode & _GO_TYPE
        try:
            if kind == _GO_DIRECTORY:
                self._order.enter(path, self._destination.make_directory(parent, name, path, entry))
            elif kind == _GO_SYMLINK:
                self._destination.make_symlink(parent, name, entry)
            elif kind and kind & ~_GO_SPECIAL == 0:
                self._destination.make_special(parent, name, entry)
                self._files[path] = parent, name
            elif kind:
                raise OutputError(
                    f"the daemon sent {quoted_name(path)}, whose type is unknown (mode {entry.mode:#x})"
                )
            elif entry.link:
                self._take_link(entry, parent, name)
            else:
                self._files[path] = parent, name
                self._wanted[number] = parent, name, entry
                self._out.append(packets.request(number))
        except (OSError, ValueError, OverflowError) as exc:
            raise self._unwritable(exc, path) from exc

    def _take_link(self, entry: packets.Stat, parent: Directory, name: bytes) -> None:
        """Keep a hard link for later: the file appears under its first name once it is complete."""
        if entry.link not in self._files:
            raise OutputError(
                f"the daemon sent {quoted_name(entry.path)} as a link to {quoted_name(entry.link)}, "
                "which it did not send",
                reason="unsafe",
            )
        self._links.append((entry, parent, name))

    def _take_data(self, number: int, data: bytes | memoryview) -> None:
        file = self._partial.get(number)
        entry = file.stat if file is not None else self._entry_to_begin(number)
        try:
            if file is None:
                file = self._destination.create_file(*self._wanted.pop(number))
                self._partial[number] = file
            remaining = file.remaining - len(data)
            if remaining < 0 or (not data and remaining):
                sent = entry.size - remaining
                raise OutputError(
                    f"the daemon sent {sent} bytes of {quoted_name(entry.path)}, which has {entry.size}"
                )
            if data:
                file.write(data)
            else:
                self._destination.complete(file)
        except (OSError, ValueError, OverflowError) as exc:
            raise self._unwritable(exc, entry.path) from exc
        if data:
            self._count(len(data))
        else:
            del self._partial[number]
            self.files_received += 1
            self._finish_if_complete()

    def _entry_to_begin(self, number: int) -> packets.Stat:
        if number not in self._wanted:
            raise TransferError(f"the daemon sent content for entry {number}, which was not requested")
        if len(self._partial) >= _MOST_AT_ONCE:
            raise TransferError(f"the daemon sent more than {_MOST_AT_ONCE} files at a time")
        return self._wanted[number][2]

    def _count(self, size: int) -> None:
        self.bytes_received += size
        if self._on_progress is not None:
            self._on_progress(self.bytes_received)

    def _finish_if_complete(self) -> None:
        if not self._described or self._wanted or self._partial:
            return
        path = b""
        try:
            for entry, parent, name in self._links:
                path = entry.path
                self._destination.make_link(self._files[entry.link], parent, name)
            path = b""
            self._destination.finish()
        except (OSError, ValueError, OverflowError) as exc:
            raise self._unwritable(exc, path) from exc
        self._finished = True
        self._out.append(packets.FIN_MESSAGE)

    def _unwritable(self, error: Exception, path: bytes) -> OutputError:
        name = os.path.join(self._name, os.fsdecode(path)) if path else self._name
        why = os_reason(error) if isinstance(error, OSError) else str(error).lower()
        # Files appear one by one, each complete: users of the directory must know that some are missing.
        left = f" ({quoted(self._name)} is incomplete: it has {self.files_received} of the result's files)"
        limit = limit_hint(error) if isinstance(error, OSError) else None
        return OutputError(
            f"can't write {quoted(name)}: {why}{left if self._next else ''}",
            hint=limit or "check permissions and free space",
        )
