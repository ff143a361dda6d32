"""Read the small requests of unary services without the protobuf package, whose import would slow a build."""

from __future__ import annotations

from router.rpc.events import Http2Error
from router.rpc.grpc import Status
from router.rpc.protobuf import read
from router.session.server import CallRefused

__all__ = ["RequestFields", "undecodable"]


class RequestFields:
    """The bytes and text fields of a request, by their numbers.

    A field that can't be decoded refuses the call: it is the daemon's fault, not this machine's.
    """

    def __init__(self, request: bytes) -> None:
        self._found: dict[int, list[bytes]] = {}
        try:
            for number, value in read(memoryview(request)):
                if not isinstance(value, int):
                    self._found.setdefault(number, []).append(bytes(value))
        except Http2Error:
            raise undecodable() from None

    def data(self, number: int) -> bytes:
        """Return a field of bytes, empty where it is missing."""
        return self._found.get(number, [b""])[-1]

    def text(self, number: int) -> str:
        """Return a field of text, empty where it is missing."""
        return _text(self.data(number))

    def texts(self, number: int) -> tuple[str, ...]:
        """Return all values of a repeated field."""
        return tuple(map(_text, self._found.get(number, ())))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise undecodable() from None


def undecodable() -> CallRefused:
    """Return the refusal for a malformed request."""
    return CallRefused(Status.INVALID_ARGUMENT, "the request can't be decoded")
