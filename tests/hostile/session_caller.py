"""A daemon's end of the session: it calls what it likes, as often and as large as it likes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from urllib.parse import quote_plus

import grpc

from router._proto.control_pb2 import BytesMessage
from router.net.stream import Buffer
from router.rpc.grpc import prefix
from router.rpc.http2 import Event, HeadersReceived, Http2Connection, Http2Error, StreamReset

__all__ = ["Script", "SessionCaller"]

# Makes calls, and returns once they are on their way; yields to have what it queued sent, or raw bytes.
Script = Callable[["SessionCaller"], Iterator[bytes | None]]

_PIECE = 1 << 20


class _Flood:
    """The outgoing bytes of one call, made as the client has room for them."""

    def __init__(self, messages: Iterable[bytes]) -> None:
        self._messages = iter(messages)

    def pull(self, size: int) -> Sequence[Buffer] | None:
        pieces = bytearray()
        for message in self._messages:
            pieces += prefix(len(message)) + message
            if len(pieces) >= size:
                break
        return [bytes(pieces)] if pieces else None


class SessionCaller:
    """An HTTP/2 client whose bytes travel as BytesMessages on Control.Session; ``requests`` are what comes.

    ``ended`` counts the calls that the other side has ended.
    """

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.ended = 0
        self._http2 = Http2Connection(client=True)
        self._over = False
        # What follows is shared with the thread that reads, under the condition.
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, args=(requests,), name="session", daemon=True)
        self._thread.start()

    def call(
        self,
        path: str,
        *messages: bytes,
        flood: Iterable[bytes] = (),
        end: bool = True,
        metadata: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> int:
        """Begin a call that sends these messages, then those of ``flood``; return its stream."""
        headers = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode())]
        headers += [
            (b":authority", b"localhost"),
            (b"content-type", b"application/grpc"),
            (b"te", b"trailers"),
        ]
        for name, values in metadata.items():
            key = name.encode()
            headers += [(key, quote_plus(value).encode()) for value in values]
            headers.append((key + b"-encoded", b"1"))
        with self._changed:
            stream = self._http2.open_stream(headers, _Flood([*messages]) if not flood else _Flood(flood))
            if end:
                self._http2.finish(stream)
        return stream

    @property
    def gone(self) -> bool:
        """Whether the client is."""
        return self._over

    def until(self, ended: int) -> Iterator[None]:
        """Have bytes sent until so many calls are over, or the client is gone."""
        while self.ended < ended and not self._over:
            yield
            with self._changed:
                self._changed.wait(0.1)

    def run(self, script: Script, called: Callable[[], None]) -> Iterator[bytes]:
        """Yield BytesMessages, packed, until the client is gone; ``called`` when the script has ended."""
        for raw in script(self):
            if raw:
                yield BytesMessage(data=raw).SerializeToString()
            yield from self._taken()
        called()
        while not self._over:
            yield from self._taken()
            with self._changed:
                self._changed.wait(1.0)

    def _taken(self) -> Iterator[bytes]:
        while not self._over:
            with self._changed:
                wire = b"".join(self._http2.take(1 << 20))
            if not wire:
                return
            for start in range(0, len(wire), _PIECE):
                yield BytesMessage(data=wire[start : start + _PIECE]).SerializeToString()

    def _read(self, requests: Iterator[bytes]) -> None:
        try:
            for request in requests:
                data = BytesMessage.FromString(request).data
                with self._changed:
                    self._hear(self._http2.receive(data))
        except (Http2Error, grpc.RpcError):
            pass  # the client has broken off
        finally:
            with self._changed:
                self._over = True
                self._changed.notify_all()

    def _hear(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case HeadersReceived(_, _, True) | StreamReset():
                    self.ended += 1
                case _:
                    pass
        self._changed.notify_all()
