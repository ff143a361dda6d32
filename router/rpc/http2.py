"""An HTTP/2 connection without I/O, in either role, with just what gRPC needs (RFC 9113).

``receive(bytes)`` gives events, ``take(size)`` gives the bytes to send. Outgoing data is *pulled*: a
stream has a source that is asked for more only when the flow-control windows and the transport have
room, so that nothing piles up in memory, however large the transfer.

Left out on purpose: server push, priorities, upgrade from HTTP/1.1, trailers before data.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hpack import Decoder, Encoder
from hpack.exceptions import HPACKError

from router.errors import ConnectionLostError
from router.rpc.frames import (
    DEFAULT_WINDOW,
    FRAME_HEADER,
    MAX_FRAME_SIZE,
    MAX_WINDOW,
    PREFACE,
    Flag,
    FrameType,
    Setting,
    frame,
    goaway,
    rst_stream,
    settings,
    window_update,
)
from router.transport.stream import Buffer

__all__ = [
    "CANCEL",
    "DataReceived",
    "GoAwayReceived",
    "Headers",
    "HeadersReceived",
    "Http2Connection",
    "Http2Error",
    "PingAcknowledged",
    "Source",
    "StreamReset",
]

CANCEL = 0x8
NO_ERROR = 0x0

# What we let the peer send before we read on. Everything received is consumed at once, so this bounds
# the bytes in flight, not memory.
RECEIVE_WINDOW = 16 * 1024 * 1024
# A header block of gRPC is some hundred bytes; include patterns in metadata can make it larger.
MAX_HEADER_BLOCK = 4 * 1024 * 1024
# The largest piece that a source is asked for at once.
PULL_SIZE = 1024 * 1024

Headers = Sequence[tuple[bytes, bytes]]


class Http2Error(ConnectionLostError):
    """The peer broke the protocol; the connection can't be used any more."""

    default_reason = "protocol"


class Source(Protocol):
    """Where a stream's outgoing bytes come from."""

    def pull(self, size: int) -> list[Buffer] | None:
        """Return some bytes, about ``size`` at most, or None where there are none now.

        The buffers must not change afterwards: they are sent later.
        """


@dataclass(frozen=True, slots=True)
class HeadersReceived:
    """A header block: a request, a response, or trailers."""

    stream_id: int
    headers: Headers
    ended: bool


@dataclass(frozen=True, slots=True)
class DataReceived:
    """Bytes of a stream."""

    stream_id: int
    data: memoryview
    ended: bool


@dataclass(frozen=True, slots=True)
class StreamReset:
    """The peer gave one stream up; ``code`` is of section 7."""

    stream_id: int
    code: int


@dataclass(frozen=True, slots=True)
class GoAwayReceived:
    """The peer takes no further streams."""

    last_stream_id: int
    code: int
    debug: bytes


@dataclass(frozen=True, slots=True)
class PingAcknowledged:
    """The peer answered our PING."""


Event = HeadersReceived | DataReceived | StreamReset | GoAwayReceived | PingAcknowledged


@dataclass(slots=True)
class _Stream:
    id: int
    send_window: int
    source: Source | None = None
    pending: deque[memoryview] = field(default_factory=deque)
    pending_size: int = 0
    # What closes our side once everything is sent: None not yet, () END_STREAM alone, else trailers.
    ending: Headers | None = None
    unacknowledged: int = 0
    receive_window: int = RECEIVE_WINDOW
    local_closed: bool = False
    remote_closed: bool = False


class Http2Connection:
    """One connection. The caller moves bytes; see the module's docstring."""

    def __init__(self, *, client: bool) -> None:
        self._client = client
        self._encoder = Encoder()
        self._decoder = Decoder(MAX_HEADER_BLOCK)
        self._streams: dict[int, _Stream] = {}
        self._next_stream_id = 1
        self._last_peer_stream_id = 0
        self._send_window = DEFAULT_WINDOW
        self._peer_initial_window = DEFAULT_WINDOW
        self._peer_max_frame = MAX_FRAME_SIZE
        self._unacknowledged = 0
        self._receive_window = RECEIVE_WINDOW
        self._control: list[Buffer] = []
        self._buffer = b""
        self._expect_preface = not client
        self._expect_settings = True
        self._header_stream = 0
        self._header_flags = 0
        self._header_block = bytearray()
        if client:
            self._control.append(PREFACE)
        self._control.append(
            settings(
                {
                    Setting.ENABLE_PUSH: 0,
                    Setting.INITIAL_WINDOW_SIZE: RECEIVE_WINDOW,
                    Setting.MAX_HEADER_LIST_SIZE: MAX_HEADER_BLOCK,
                }
                if client
                else {
                    Setting.INITIAL_WINDOW_SIZE: RECEIVE_WINDOW,
                    Setting.MAX_HEADER_LIST_SIZE: MAX_HEADER_BLOCK,
                }
            )
        )
        self._control.append(window_update(0, RECEIVE_WINDOW - DEFAULT_WINDOW))

    # -- sending

    def open_stream(self, headers: Headers, source: Source | None = None) -> int:
        """Start a request (client role) and return the stream's id."""
        stream = _Stream(self._next_stream_id, self._peer_initial_window, source)
        self._next_stream_id += 2
        self._streams[stream.id] = stream
        self._send_headers(stream.id, headers, end=False)
        return stream.id

    def send_headers(self, stream_id: int, headers: Headers) -> None:
        """Send the head of a response (server role)."""
        if stream_id in self._streams:
            self._send_headers(stream_id, headers, end=False)

    def set_source(self, stream_id: int, source: Source) -> None:
        """Say where the stream's outgoing bytes come from."""
        if stream_id in self._streams:
            self._streams[stream_id].source = source

    def send(self, stream_id: int, data: Buffer) -> None:
        """Queue bytes that are sent before anything that the source gives."""
        stream = self._streams.get(stream_id)
        if stream is not None and len(data):
            stream.pending.append(memoryview(data))
            stream.pending_size += len(data)

    def finish(self, stream_id: int, trailers: Headers = ()) -> None:
        """Close our side once the source has nothing more and everything queued is sent."""
        stream = self._streams.get(stream_id)
        if stream is not None and stream.ending is None:
            stream.ending = tuple(trailers)

    def reset(self, stream_id: int, code: int = CANCEL) -> None:
        """Give a stream up in both directions."""
        if self._streams.pop(stream_id, None) is not None:
            self._control.append(rst_stream(stream_id, code))

    def ping(self) -> None:
        """Ask the peer for a sign of life; it comes as ``PingAcknowledged``."""
        self._control.append(frame(FrameType.PING, 0, 0, b"warmrout"))

    def close(self, code: int = NO_ERROR) -> None:
        """Say goodbye; the caller closes the transport after sending it."""
        self._control.append(goaway(self._last_peer_stream_id, code))

    def take(self, size: int) -> list[Buffer]:
        """Return bytes to send: all control frames, and about ``size`` bytes of data."""
        out = self._control
        self._control = []
        for stream in list(self._streams.values()):
            if size <= 0 or self._send_window <= 0:
                break
            if not stream.local_closed:
                size -= self._take_data(stream, size, out)
        # Trailers are encoded while data is taken, and must stay behind it: see _end.
        return out

    def _take_data(self, stream: _Stream, budget: int, out: list[Buffer]) -> int:
        taken = 0
        while taken < budget and self._send_window > 0 and stream.send_window > 0:
            if not stream.pending and not self._refill(stream, budget):
                if stream.ending is not None:
                    self._end(stream, out)
                return taken
            size = min(stream.pending_size, self._peer_max_frame, self._send_window, stream.send_window)
            out.append(FRAME_HEADER.pack(size >> 16, size & 0xFFFF, FrameType.DATA, 0, stream.id))
            _move(stream, size, out)
            self._send_window -= size
            stream.send_window -= size
            taken += size
        if stream.ending is not None and not stream.pending and not self._refill(stream, budget):
            self._end(stream, out)
        return taken

    @staticmethod
    def _refill(stream: _Stream, budget: int) -> bool:
        if stream.source is None:
            return False
        buffers = stream.source.pull(min(max(budget, MAX_FRAME_SIZE), PULL_SIZE))
        if not buffers:
            return False
        for buffer in buffers:
            stream.pending.append(memoryview(buffer))
            stream.pending_size += len(buffer)
        return True

    def _end(self, stream: _Stream, out: list[Buffer]) -> None:
        stream.local_closed = True
        if stream.ending:
            out.extend(self._header_frames(stream.id, stream.ending, end=True))
        else:
            out.append(frame(FrameType.DATA, Flag.END_STREAM, stream.id))
        self._forget_if_closed(stream)

    def _send_headers(self, stream_id: int, headers: Headers, *, end: bool) -> None:
        self._control.extend(self._header_frames(stream_id, headers, end=end))

    def _header_frames(self, stream_id: int, headers: Headers, *, end: bool) -> list[Buffer]:
        block = self._encoder.encode(headers)
        pieces = [block[i : i + MAX_FRAME_SIZE] for i in range(0, len(block), MAX_FRAME_SIZE)] or [b""]
        frames: list[Buffer] = []
        for number, piece in enumerate(pieces):
            flags = Flag.END_HEADERS if number == len(pieces) - 1 else 0
            if number == 0:
                frames.append(
                    frame(FrameType.HEADERS, flags | (Flag.END_STREAM if end else 0), stream_id, piece)
                )
            else:
                frames.append(frame(FrameType.CONTINUATION, flags, stream_id, piece))
        return frames

    # -- receiving

    def receive(self, data: Buffer) -> list[Event]:
        """Take bytes of the peer and return what they say. Raises ``Http2Error``."""
        whole = self._buffer + data if self._buffer else data
        view = memoryview(whole)
        position, end = 0, len(view)
        if self._expect_preface:
            if end < len(PREFACE):
                self._buffer = bytes(view)
                return []
            if view[: len(PREFACE)] != PREFACE:
                raise Http2Error("the peer opened the session with something that is not HTTP/2")
            self._expect_preface = False
            position = len(PREFACE)
        events: list[Event] = []
        while end - position >= FRAME_HEADER.size:
            high, low, kind, flags, stream_id = FRAME_HEADER.unpack_from(view, position)
            size = high << 16 | low
            if self._expect_settings:
                self._check_first(kind, view[position:])
            if size > MAX_FRAME_SIZE:
                raise Http2Error(
                    f"the peer sent a frame of {size} bytes, more than the {MAX_FRAME_SIZE} allowed"
                )
            start = position + FRAME_HEADER.size
            if end - start < size:
                break
            position = start + size
            self._frame(kind, flags, stream_id & MAX_WINDOW, view[start:position], events)
        self._buffer = bytes(view[position:]) if position < end else b""
        return events

    def _check_first(self, kind: int, view: memoryview) -> None:
        self._expect_settings = False
        if kind != FrameType.SETTINGS:
            raise Http2Error(f"the peer does not speak HTTP/2: it began with {bytes(view[:40])!r}")

    def _frame(self, kind: int, flags: int, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        if self._header_stream and (kind != FrameType.CONTINUATION or stream_id != self._header_stream):
            raise Http2Error("the peer interrupted a header block")
        match kind:
            case FrameType.DATA:
                self._data(flags, stream_id, payload, events)
            case FrameType.HEADERS:
                self._headers(flags, stream_id, payload, events)
            case FrameType.CONTINUATION:
                self._continuation(flags, stream_id, payload, events)
            case FrameType.WINDOW_UPDATE:
                self._window_update(stream_id, payload)
            case FrameType.SETTINGS:
                self._settings(flags, payload)
            case FrameType.PING:
                self._ping(flags, payload, events)
            case FrameType.RST_STREAM:
                self._rst_stream(stream_id, payload, events)
            case FrameType.GOAWAY:
                _need(payload, 8, "GOAWAY")
                last, code = int.from_bytes(payload[:4], "big"), int.from_bytes(payload[4:8], "big")
                events.append(GoAwayReceived(last, code, bytes(payload[8:])))
            case FrameType.PUSH_PROMISE:
                raise Http2Error("the peer pushed a stream although that is switched off")
            case _:
                pass  # PRIORITY, and types we don't know, are to be ignored (section 5.5)

    def _data(self, flags: int, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        size = len(payload)
        self._receive_window -= size
        if self._receive_window < 0:
            raise Http2Error("the peer sent more than the connection's flow-control window")
        self._unacknowledged += size
        if self._unacknowledged >= RECEIVE_WINDOW // 2:
            self._control.append(window_update(0, self._unacknowledged))
            self._receive_window += self._unacknowledged
            self._unacknowledged = 0
        stream = self._streams.get(stream_id)
        if stream is None:
            self._check_idle(stream_id, "DATA")
            return  # a stream that we gave up: what was still under way is dropped
        if stream.remote_closed:
            raise Http2Error(f"the peer sent data on stream {stream_id}, which it had closed")
        stream.receive_window -= size
        if stream.receive_window < 0:
            raise Http2Error(f"the peer sent more than the flow-control window of stream {stream_id}")
        ended = bool(flags & Flag.END_STREAM)
        stream.unacknowledged += size
        if stream.unacknowledged >= RECEIVE_WINDOW // 2 and not ended:
            self._control.append(window_update(stream_id, stream.unacknowledged))
            stream.receive_window += stream.unacknowledged
            stream.unacknowledged = 0
        if flags & Flag.PADDED:
            payload = _unpadded(payload)
        events.append(DataReceived(stream_id, payload, ended))
        if ended:
            self._remote_closed(stream)

    def _headers(self, flags: int, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        if flags & Flag.PADDED:
            payload = _unpadded(payload)
        if flags & Flag.PRIORITY:
            _need(payload, 5, "HEADERS")
            payload = payload[5:]
        self._header_stream = stream_id
        self._header_flags = flags
        self._header_block = bytearray(payload)
        if flags & Flag.END_HEADERS:
            self._header_block_done(events)

    def _continuation(self, flags: int, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        if not self._header_stream:
            raise Http2Error(f"the peer continued a header block on stream {stream_id} that it never began")
        self._header_block += payload
        if len(self._header_block) > MAX_HEADER_BLOCK:
            raise Http2Error(f"the peer sent a header block of more than {MAX_HEADER_BLOCK} bytes")
        if flags & Flag.END_HEADERS:
            self._header_block_done(events)

    def _header_block_done(self, events: list[Event]) -> None:
        stream_id, self._header_stream = self._header_stream, 0
        try:
            headers = [
                (bytes(n), bytes(v)) for n, v in self._decoder.decode(bytes(self._header_block), raw=True)
            ]
        except HPACKError as exc:
            raise Http2Error(f"the peer sent headers that can't be decoded: {exc}") from exc
        stream = self._streams.get(stream_id)
        if stream is None and not self._client and stream_id > self._last_peer_stream_id and stream_id % 2:
            stream = _Stream(stream_id, self._peer_initial_window)
            self._streams[stream_id] = stream
            self._last_peer_stream_id = stream_id
        if stream is None:
            self._check_idle(stream_id, "HEADERS")
            return
        ended = bool(self._header_flags & Flag.END_STREAM)
        events.append(HeadersReceived(stream_id, headers, ended))
        if ended:
            self._remote_closed(stream)

    def _check_idle(self, stream_id: int, kind: str) -> None:
        if self._client:
            known = stream_id % 2 == 1 and stream_id < self._next_stream_id
        else:
            known = stream_id % 2 == 1 and stream_id <= self._last_peer_stream_id
        if not known:
            raise Http2Error(f"the peer sent {kind} on stream {stream_id}, which nobody opened")

    def _window_update(self, stream_id: int, payload: memoryview) -> None:
        _need(payload, 4, "WINDOW_UPDATE")
        increment = int.from_bytes(payload[:4], "big") & MAX_WINDOW
        if stream_id == 0:
            self._send_window += increment
            if not increment or self._send_window > MAX_WINDOW:
                raise Http2Error("the peer sent an impossible window update")
        elif (stream := self._streams.get(stream_id)) is not None:
            stream.send_window += increment
            if not increment or stream.send_window > MAX_WINDOW:
                raise Http2Error(f"the peer sent an impossible window update for stream {stream_id}")

    def _settings(self, flags: int, payload: memoryview) -> None:
        if flags & Flag.ACK:
            return
        if len(payload) % 6:
            raise Http2Error("the peer sent settings of a wrong size")
        for offset in range(0, len(payload), 6):
            name = int.from_bytes(payload[offset : offset + 2], "big")
            self._setting(name, int.from_bytes(payload[offset + 2 : offset + 6], "big"))
        self._control.append(frame(FrameType.SETTINGS, Flag.ACK, 0))

    def _setting(self, name: int, value: int) -> None:
        match name:
            case Setting.INITIAL_WINDOW_SIZE:
                if value > MAX_WINDOW:
                    raise Http2Error("the peer set an impossible window size")
                # Section 6.9.2: the difference applies to the streams that are open, too.
                for stream in self._streams.values():
                    stream.send_window += value - self._peer_initial_window
                self._peer_initial_window = value
            case Setting.MAX_FRAME_SIZE:
                if not MAX_FRAME_SIZE <= value < 2**24:
                    raise Http2Error("the peer set an impossible frame size")
                self._peer_max_frame = value
            case Setting.HEADER_TABLE_SIZE:
                self._encoder.header_table_size = min(value, 4096)
            case _:
                pass

    def _ping(self, flags: int, payload: memoryview, events: list[Event]) -> None:
        _need(payload, 8, "PING")
        if flags & Flag.ACK:
            events.append(PingAcknowledged())
        else:
            # The daemon measures its bandwidth with PINGs: answer before anything else.
            self._control.insert(0, frame(FrameType.PING, Flag.ACK, 0, bytes(payload)))

    def _rst_stream(self, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        _need(payload, 4, "RST_STREAM")
        if self._streams.pop(stream_id, None) is not None:
            events.append(StreamReset(stream_id, int.from_bytes(payload[:4], "big")))
        else:
            self._check_idle(stream_id, "RST_STREAM")

    def _remote_closed(self, stream: _Stream) -> None:
        stream.remote_closed = True
        self._forget_if_closed(stream)

    def _forget_if_closed(self, stream: _Stream) -> None:
        if stream.remote_closed and stream.local_closed:
            self._streams.pop(stream.id, None)


def _move(stream: _Stream, size: int, out: list[Buffer]) -> None:
    """Move ``size`` bytes from what is pending to ``out``, cutting the last buffer where it must be cut."""
    stream.pending_size -= size
    pending = stream.pending
    while size:
        first = pending[0]
        if len(first) <= size:
            out.append(pending.popleft())
            size -= len(first)
        else:
            out.append(first[:size])
            pending[0] = first[size:]
            return


def _need(payload: memoryview, size: int, kind: str) -> None:
    if len(payload) < size:
        raise Http2Error(f"the peer sent a {kind} frame of {len(payload)} bytes")


def _unpadded(payload: memoryview) -> memoryview:
    if not payload or payload[0] >= len(payload):
        raise Http2Error("the peer sent more padding than payload")
    return payload[1 : len(payload) - payload[0]]
