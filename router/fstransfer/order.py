"""The order that entries of a transfer must have, and the directory of each entry.

Names grow within a directory, a directory comes before its entries, and no name leads elsewhere. Entries in
this order can be written one after the other without looking back.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from router.errors import OutputError
from router.fstransfer.limits import quoted_name

__all__ = ["Order"]

_Place = TypeVar("_Place")


class Order(Generic[_Place]):
    """The directories around the last entry, and the last name seen in each of them."""

    def __init__(self, root: _Place) -> None:
        self._paths = [b""]
        self._places = [root]
        self._lasts = [b""]

    def locate(self, path: bytes) -> tuple[_Place, bytes]:
        """Return the directory of the next entry, and its name there.

        Raises OutputError for an entry out of order, or with an impossible name.
        """
        parent, slash, name = path.rpartition(b"/")
        if name in (b"", b".", b"..") or b"\0" in name or (slash and not parent):
            raise _unsafe(path, "under an invalid name")
        paths = self._paths
        while paths[-1] != parent:
            if len(paths) == 1:
                raise _unsafe(path, "without its parent directory")
            self._leave()
        if name <= self._lasts[-1]:
            raise _unsafe(path, "out of order")
        self._lasts[-1] = name
        return self._places[-1], name

    def enter(self, path: bytes, place: _Place) -> None:
        """Note that the entry that was just located is a directory."""
        self._paths.append(path)
        self._places.append(place)
        self._lasts.append(b"")

    def _leave(self) -> None:
        self._paths.pop()
        self._places.pop()
        self._lasts.pop()


def _unsafe(path: bytes, how: str) -> OutputError:
    return OutputError(f"the daemon sent the file {quoted_name(path)} {how}", reason="unsafe")
