"""The pods that match, kept up to date: what a list says first, and a watch afterwards. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from router.errors import FleetError

__all__ = ["Expired", "LineReader", "PodList"]

_Object = Mapping[str, Any]
_GONE = 410
_MOST_LINE = 1 << 26
_HEX = b"0123456789abcdefABCDEF"


class Expired(Exception):  # noqa: N818 - it is the API server's word, and no error of ours
    """What the watch would go on from is no longer known: the pods must be listed again."""


class PodList:
    """Pods by name, and the version of the API server's knowledge that they are of.

    Raises ValueError, KeyError or TypeError where ``body`` is no list of objects.
    """

    def __init__(self, body: bytes) -> None:
        listing: Any = json.loads(body)
        self.version = str((listing.get("metadata") or {}).get("resourceVersion") or "")
        self._pods: dict[str, _Object] = {pod["metadata"]["name"]: pod for pod in listing["items"] or ()}

    @property
    def pods(self) -> Sequence[_Object]:
        """The pods, in the order in which they came to be known."""
        return tuple(self._pods.values())

    def apply(self, line: bytes) -> None:
        """Take in one line of a watch.

        Raises Expired, FleetError where the API server reports an error or the line is no event.
        """
        try:
            event: Any = json.loads(line)
            kind, changed = event["type"], event["object"]
            if kind == "ERROR":
                raise _reported(changed)
            self.version = str(changed["metadata"].get("resourceVersion") or self.version)
            if kind == "BOOKMARK":
                return
            name = changed["metadata"]["name"]
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise FleetError("the API server sent what is no event of a watch", temporary=True) from exc
        if kind == "DELETED":
            self._pods.pop(name, None)
        else:
            self._pods[name] = changed


def _reported(status: _Object) -> Exception:
    if status.get("code") == _GONE:
        return Expired()
    said = status.get("message") or status.get("reason") or "an error"
    return FleetError(f"the API server ended a watch: {said}", temporary=True)


class LineReader:
    """Takes the lines out of a body, which may be in chunks (RFC 9112, section 7.1)."""

    def __init__(self, *, chunked: bool) -> None:
        self._chunked = chunked
        self._raw = bytearray()
        self._text = bytearray()
        self._left = 0
        self.ended = False

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that ``data`` completes. Raises FleetError where it is no such body."""
        if self._chunked:
            self._raw += data
            self._unpack()
        else:
            self._text += data
        *lines, rest = self._text.split(b"\n")
        if len(rest) > _MOST_LINE:
            raise FleetError("the API server's watch has a line without end", temporary=True)
        self._text = bytearray(rest)
        return [bytes(line) for line in lines if line.strip()]

    def _unpack(self) -> None:
        while self._raw and not self.ended:
            if self._left:
                taken = self._raw[: self._left]
                self._text += taken
                del self._raw[: len(taken)]
                self._left -= len(taken)
                continue
            end = self._raw.find(b"\r\n", 2 if self._raw.startswith(b"\r\n") else 0)
            if end < 0:
                return
            size = bytes(self._raw[:end]).strip().partition(b";")[0]
            del self._raw[: end + 2]
            if not size or size.strip(_HEX):
                raise FleetError("the API server's watch has a broken chunk", temporary=True)
            self._left = int(size, 16)
            self.ended = not self._left
