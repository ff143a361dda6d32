"""What a header list must be like: a request, a response or trailers (RFC 9113, sections 8.1 to 8.3). Pure.

A malformed message is the fault of one stream: the connection goes on without it.
"""

from __future__ import annotations

from typing import Literal

from router.rpc.events import Headers

__all__ = ["IncomingMessage", "MalformedMessage", "Part", "check_headers"]

Part = Literal["request", "response", "trailers"]

# Section 8.2.1, and RFC 9110's token without upper case: what may stand in a name.
_NAME = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
_NOT_IN_VALUES = b"\0\r\n"
# Section 8.2.2: they belong to a connection of HTTP/1.
_OF_CONNECTIONS = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
_REQUIRED: dict[Part, frozenset[bytes]] = {
    "request": frozenset((b":method", b":scheme", b":path")),
    "response": frozenset((b":status",)),
    "trailers": frozenset(),
}
_ALLOWED: dict[Part, frozenset[bytes]] = {**_REQUIRED, "request": _REQUIRED["request"] | {b":authority"}}
# No length of a real message has more digits; int() of a million of them takes seconds.
_MOST_DIGITS = 19


class MalformedMessage(Exception):  # noqa: N818 - of one stream, not of the connection
    """A header list, or a length, that the section forbids; the text says which."""


def check_headers(part: Part, headers: Headers) -> None:
    """Raise ``MalformedMessage`` where a header list may not stand for that part of a message."""
    pseudo: set[bytes] = set()
    regular = False
    for name, value in headers:
        if name[:1] == b":":
            if regular:
                raise MalformedMessage(f"{_shown(name)} stands behind an ordinary header")
            if name in pseudo or name not in _ALLOWED[part]:
                raise MalformedMessage(f"{_shown(name)} may not stand in {part} headers, or not twice")
            pseudo.add(name)
            if name == b":path" and not value:
                raise MalformedMessage("the path is empty")
        else:
            regular = True
            _check_name(name, value)
        if len(value.translate(None, _NOT_IN_VALUES)) != len(value):
            raise MalformedMessage(f"the value of {_shown(name)} has a line end or a NUL")
    if missing := _REQUIRED[part] - pseudo:
        raise MalformedMessage(f"{_shown(min(missing))} is missing")


def _check_name(name: bytes, value: bytes) -> None:
    if not name or name.translate(None, _NAME):
        raise MalformedMessage(f"{_shown(name)} is not a header name")
    if name in _OF_CONNECTIONS or (name == b"te" and value != b"trailers"):
        raise MalformedMessage(f"{_shown(name)} belongs to HTTP/1")


class IncomingMessage:
    """What of a peer's request or response has come on one stream, held against the rules.

    Both methods raise ``MalformedMessage``. ``sized`` says whether the head told a length; gRPC's never do.
    """

    __slots__ = ("_head", "_left", "blocks", "sized")

    def __init__(self, head: Part) -> None:
        self.blocks = 0
        self.sized = False
        self._head: Part = head
        self._left = 0

    def headers(self, headers: Headers, *, ended: bool) -> None:
        """Take a header block: informational ones, the head, trailers."""
        self.blocks += 1
        check_headers(self._head, headers)
        if self._head == "trailers":
            if not ended:
                raise MalformedMessage("headers came in the middle of it")
        elif not (self._head == "response" and _is_informational(headers)):
            self._head = "trailers"
            self.sized, self._left = _content_length(headers)
        self.data(0, ended=ended)

    def data(self, size: int, *, ended: bool) -> None:
        """Take so many bytes of content."""
        self._left -= size
        if self.sized and (self._left < 0 or (ended and self._left)):
            raise MalformedMessage("its length is not what its head says")


def _is_informational(headers: Headers) -> bool:
    return any(name == b":status" and value[:1] == b"1" for name, value in headers)


def _content_length(headers: Headers) -> tuple[bool, int]:
    """Return whether the head tells how many bytes there are to be, and how many."""
    lengths = {value for name, value in headers if name == b"content-length"}
    if not lengths:
        return False, 0
    value = lengths.pop()
    if lengths or not value.isdigit() or len(value) > _MOST_DIGITS:
        raise MalformedMessage("the content length is not one number")
    return True, int(value)


def _shown(name: bytes) -> str:
    return repr(name[:64])[1:]
