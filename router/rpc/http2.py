"""An HTTP/2 connection without I/O, in either role, with just what gRPC needs (RFC 9113).

``receive(bytes)`` gives events, ``take(size)`` gives the bytes to send. Outgoing data is *pulled*: a
stream has a source that is asked for more only when the flow-control windows and the transport have
room, so that nothing piles up in memory, however large the transfer. A peer that breaks the protocol, or
has us queue answers that it doesn't read, gets an ``Http2Error`` and nothing more.

What may not stand on a stream ends that stream (``StreamReset``), what may stand nowhere the connection.
Left out on purpose: server push, priorities, upgrade from HTTP/1.1, CONNECT.
"""

from __future__ import annotations

from router.net.stream import Buffer
from router.rpc.events import (
    DataReceived,
    ErrorCode,
    Event,
    GoAwayReceived,
    Headers,
    HeadersReceived,
    Http2Error,
    PingAcknowledged,
    StreamReset,
)
from router.rpc.frames import (
    DEFAULT_WINDOW,
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
from router.rpc.framing import FrameReader
from router.rpc.headers import MAX_HEADER_BLOCK, HeaderReader, header_frames
from router.rpc.messages import IncomingMessage, MalformedMessage
from router.rpc.payloads import check_dependency, goodbye, header_part, unpadded
from router.rpc.peer_settings import PeerSettings, window_overflow
from router.rpc.shapes import check_shape
from router.rpc.streams import GivenUp, Source, Stream

__all__ = [
    "DataReceived",
    "Event",
    "GoAwayReceived",
    "Headers",
    "HeadersReceived",
    "Http2Connection",
    "Http2Error",
    "PingAcknowledged",
    "Source",
    "StreamReset",
]

# What we let the peer send before it hears from us again. Everything received is consumed at once, so this
# bounds the bytes in flight and not memory, and nobody checks that the peer keeps to it. Who can't consume
# (`hold`) bounds what it keeps itself.
RECEIVE_WINDOW = 16 * 1024 * 1024
_ACKNOWLEDGE = RECEIVE_WINDOW // 2
# The largest piece that a source is asked for at once.
PULL_SIZE = 1024 * 1024
# How many streams a peer may have open; buildkitd has a handful.
MAX_STREAMS = 200
# How many control frames may wait until they are taken. A peer that reads never comes near.
MAX_CONTROL = 10_000
# Of one stream: a response has two, and a few informational ones before them (section 8.1).
MAX_HEADER_BLOCKS = 8


class Http2Connection:
    """One connection. The caller moves bytes; see the module's docstring."""

    def __init__(self, *, client: bool) -> None:
        self._client = client
        self._streams: dict[int, Stream] = {}
        self._headers = HeaderReader()
        self._next_stream_id = 1
        self._last_peer_stream_id = 0
        self._given_up = GivenUp()
        self._goodbye = ErrorCode.NO_ERROR
        self._send_window = DEFAULT_WINDOW
        self._unacknowledged = 0
        self._peer = PeerSettings(may_push=not client)
        self._frames = FrameReader(b"" if client else PREFACE)
        # PINGs are answered before anything else: the daemon measures its bandwidth with them.
        self._pongs: list[Buffer] = []
        self._control: list[Buffer] = []
        values = {Setting.INITIAL_WINDOW_SIZE: RECEIVE_WINDOW, Setting.MAX_HEADER_LIST_SIZE: MAX_HEADER_BLOCK}
        role = {Setting.ENABLE_PUSH: 0} if client else {Setting.MAX_CONCURRENT_STREAMS: MAX_STREAMS}
        self._greeting: list[Buffer] = [PREFACE] if client else []
        self._greeting += (settings(role | values), window_update(0, RECEIVE_WINDOW - DEFAULT_WINDOW))

    @property
    def established(self) -> bool:
        """Whether the peer has begun to speak HTTP/2."""
        return self._frames.opened

    @property
    def waiting(self) -> int:
        """How many control frames wait to be sent."""
        return len(self._control) + len(self._pongs)

    def is_open(self, stream_id: int) -> bool:
        """Say whether something is still to come or to be sent on a stream."""
        return stream_id in self._streams

    # -- sending

    def open_stream(self, headers: Headers, source: Source | None = None) -> int:
        """Start a request (client role) and return the stream's id."""
        stream = Stream(self._next_stream_id, self._peer.initial_window, IncomingMessage("response"))
        stream.source = source
        self._next_stream_id += 2
        self._streams[stream.id] = stream
        self._control += header_frames(stream.id, headers, end=False)
        return stream.id

    def send_headers(self, stream_id: int, headers: Headers) -> None:
        """Send the head of a response (server role). Raises ``Http2Error`` when the peer reads nothing."""
        if stream_id in self._streams:
            self._control += header_frames(stream_id, headers, end=False)
            self._check_control()

    def set_source(self, stream_id: int, source: Source) -> None:
        """Say where the stream's outgoing bytes come from."""
        if stream_id in self._streams:
            self._streams[stream_id].source = source

    def send(self, stream_id: int, data: Buffer) -> None:
        """Queue bytes that are sent before anything that the source gives."""
        if (stream := self._streams.get(stream_id)) is not None:
            stream.queue(data)

    def finish(self, stream_id: int, trailers: Headers = ()) -> None:
        """Close our side once the source has nothing more and everything queued is sent."""
        stream = self._streams.get(stream_id)
        if stream is not None and stream.ending is None:
            stream.ending = tuple(trailers)

    def reset(self, stream_id: int, code: int = ErrorCode.CANCEL) -> None:
        """Give a stream up in both directions."""
        if self._streams.pop(stream_id, None) is not None:
            self._given_up.add(stream_id)
            self._control.append(rst_stream(stream_id, code))

    def hold(self, stream_id: int, *, held: bool) -> None:
        """Let the peer run into the stream's window while what it sends there can't be used, or go on."""
        stream = self._streams.get(stream_id)
        if stream is not None and stream.held != held:
            stream.held = held
            if not stream.remote_closed:
                self._acknowledge(stream)

    def ping(self) -> None:
        """Ask the peer for a sign of life; it comes as ``PingAcknowledged``."""
        self._control.append(frame(FrameType.PING, 0, 0, b"warmrout"))

    def close(self) -> None:
        """Say goodbye, and what the peer did wrong; the caller closes the transport after sending it."""
        self._control.append(goaway(self._last_peer_stream_id, self._goodbye))

    def take(self, size: int) -> list[Buffer]:
        """Return bytes to send: all control frames, and about ``size`` bytes of data.

        The streams take turns: one that sent something goes behind the others.
        """
        out = [*self._greeting, *self._pongs, *self._control]
        self._greeting, self._pongs, self._control = [], [], []
        for stream in tuple(self._streams.values()):
            if size <= 0:
                break
            if not stream.local_closed and (taken := self._take_data(stream, size, out)):
                size -= taken
                if self._streams.pop(stream.id, None) is not None:
                    self._streams[stream.id] = stream
        return out

    def _take_data(self, stream: Stream, budget: int, out: list[Buffer]) -> int:
        taken = 0
        while taken < budget:
            room = min(self._send_window, stream.send_window)
            # Where nothing may be sent, a small piece is fetched all the same: it shows the stream's end.
            wanted = min(budget - taken, PULL_SIZE) if room > 0 else 0
            if not stream.pending_size and not stream.refill(max(wanted, MAX_FRAME_SIZE)):
                if stream.ending is not None:
                    self._end(stream, out)
                break
            if room <= 0:
                break
            size = min(room, stream.pending_size)
            stream.move(size, self._peer.max_frame, out)
            self._send_window -= size
            taken += size
        return taken

    def _end(self, stream: Stream, out: list[Buffer]) -> None:
        if stream.ending:
            out += header_frames(stream.id, stream.ending, end=True)
        else:
            out.append(frame(FrameType.DATA, Flag.END_STREAM, stream.id))
        stream.local_closed = True
        if not self._client and not stream.remote_closed:
            # The response is complete: whatever the request still holds is of no use (section 8.1).
            stream.remote_closed = True
            self._given_up.add(stream.id)
            out.append(rst_stream(stream.id, ErrorCode.NO_ERROR))
        self._forget_if_closed(stream)

    def _check_control(self) -> None:
        if self.waiting > MAX_CONTROL:
            raise Http2Error(f"the peer caused {self.waiting} answers and reads none of them")

    # -- receiving

    def receive(self, data: Buffer) -> list[Event]:
        """Take bytes of the peer and return what they say. Raises ``Http2Error``.

        The data of an event is a view of ``data``, which must not change while it is in use.
        """
        events: list[Event] = []
        try:
            self._receive(data, events)
        except Http2Error as exc:
            self._goodbye = exc.code
            raise
        return events

    def _receive(self, data: Buffer, events: list[Event]) -> None:
        # Many small frames of one stream are handled as one large one: a tree of files comes in such frames.
        run: list[memoryview] = []
        of_run = 0
        for kind, flags, stream_id, payload in self._frames.feed(data):
            if run and (kind or flags or stream_id != of_run):
                self._frame(FrameType.DATA, 0, of_run, _joined(run), events)
                run = []
            if kind or flags:
                self._frame(kind, flags, stream_id, payload, events)
            else:
                of_run = stream_id
                run.append(payload)
        if run:
            self._frame(FrameType.DATA, 0, of_run, _joined(run), events)

    def _frame(self, kind: int, flags: int, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        self._headers.expect(kind, stream_id)
        check_shape(kind, flags, stream_id, len(payload))
        match kind:
            case FrameType.DATA:
                self._data(flags, stream_id, payload, events)
            case FrameType.HEADERS:
                self._header_frame(flags, stream_id, payload, events)
            case FrameType.CONTINUATION:
                self._continuation(flags, stream_id, payload, events)
            case FrameType.WINDOW_UPDATE:
                self._window_update(stream_id, payload, events)
            case FrameType.SETTINGS:
                self._settings(flags, payload)
            case FrameType.PING:
                self._ping(flags, payload, events)
            case FrameType.RST_STREAM:
                self._rst_stream(stream_id, payload, events)
            case FrameType.GOAWAY:
                events.append(goodbye(payload))
            case FrameType.PUSH_PROMISE:
                raise Http2Error("the peer pushed a stream although that is switched off")
            case FrameType.PRIORITY:
                check_dependency(stream_id, payload)
            case _:
                pass  # types we don't know are to be ignored (section 5.5)

    def _data(self, flags: int, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        size = len(payload)
        self._unacknowledged += size
        if self._unacknowledged >= _ACKNOWLEDGE:
            self._control.append(window_update(0, self._unacknowledged))
            self._unacknowledged = 0
        stream = self._streams.get(stream_id)
        if stream is None:
            self._check_given_up(stream_id, "DATA")
            return  # what was still under way is dropped
        if stream.remote_closed:
            raise _closed(stream_id, "DATA")
        ended = bool(flags & Flag.END_STREAM)
        stream.unacknowledged += size
        if not ended:
            self._acknowledge(stream)
        if flags & Flag.PADDED:
            payload = unpadded(payload)
        if stream.incoming.sized:
            try:
                stream.incoming.data(len(payload), ended=ended)
            except MalformedMessage as exc:
                self._refuse(stream_id, str(exc), events)
                return
        if ended:
            events.append(DataReceived(stream_id, payload, ended=True))
            self._remote_closed(stream)
        elif payload:
            events.append(DataReceived(stream_id, payload, ended=False))

    def _acknowledge(self, stream: Stream) -> None:
        if stream.unacknowledged >= _ACKNOWLEDGE and not stream.held:
            self._control.append(window_update(stream.id, stream.unacknowledged))
            stream.unacknowledged = 0

    def _header_frame(self, flags: int, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        self._headers.begin(stream_id, flags, header_part(flags, stream_id, payload))
        if flags & Flag.END_HEADERS:
            self._header_block(stream_id, events)

    def _continuation(self, flags: int, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        if not self._headers.stream_id:
            raise Http2Error(f"the peer continued a header block on stream {stream_id} that it never began")
        self._headers.go_on(payload)
        if flags & Flag.END_HEADERS:
            self._header_block(stream_id, events)

    def _header_block(self, stream_id: int, events: list[Event]) -> None:
        headers = self._headers.end()
        stream = self._streams.get(stream_id) or self._accept(stream_id)
        if stream is None:
            return
        if stream.remote_closed:
            raise _closed(stream_id, "HEADERS")
        if stream.incoming.blocks >= MAX_HEADER_BLOCKS:
            raise Http2Error(f"the peer sent headers on stream {stream_id} where none may stand")
        ended = self._headers.ends_stream
        try:
            stream.incoming.headers(headers, ended=ended)
        except MalformedMessage as exc:
            self._refuse(stream_id, str(exc), events)
            return
        events.append(HeadersReceived(stream_id, headers, ended))
        if ended:
            self._remote_closed(stream)

    def _refuse(
        self, stream_id: int, why: str, events: list[Event], code: int = ErrorCode.PROTOCOL_ERROR
    ) -> None:
        """End one stream for what the peer sent on it."""
        self.reset(stream_id, code)
        self._check_control()
        events.append(StreamReset(stream_id, code, f"the peer sent a malformed message: {why}"))

    def _accept(self, stream_id: int) -> Stream | None:
        """Return the stream that the peer opens with this id, None for one that is over or too many."""
        if self._client or stream_id % 2 == 0 or stream_id <= self._last_peer_stream_id:
            self._check_given_up(stream_id, "HEADERS")
            return None
        self._last_peer_stream_id = stream_id
        if len(self._streams) >= MAX_STREAMS:
            self._given_up.add(stream_id)
            self._control.append(rst_stream(stream_id, ErrorCode.REFUSED_STREAM))
            self._check_control()
            return None
        stream = Stream(stream_id, self._peer.initial_window, IncomingMessage("request"))
        self._streams[stream_id] = stream
        return stream

    def _check_known(self, stream_id: int, kind: str) -> None:
        newest = self._next_stream_id - 2 if self._client else self._last_peer_stream_id
        if stream_id % 2 == 0 or stream_id > newest:
            raise Http2Error(f"the peer sent {kind} on stream {stream_id}, which nobody opened")

    def _check_given_up(self, stream_id: int, kind: str) -> None:
        """Only what we ended may still get something: the peer may not know yet."""
        self._check_known(stream_id, kind)
        if stream_id not in self._given_up:
            raise _closed(stream_id, kind)

    def _window_update(self, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        increment = int.from_bytes(payload[:4], "big") & MAX_WINDOW
        if stream_id == 0:
            self._send_window += increment
            if not increment:
                raise Http2Error("the peer sent an impossible window update")
            if self._send_window > MAX_WINDOW:
                raise window_overflow("the connection")
        elif (stream := self._streams.get(stream_id)) is not None:
            stream.send_window += increment
            if not increment:
                self._refuse(stream_id, "a window update of nothing", events)
            elif stream.send_window > MAX_WINDOW:
                self._refuse(stream_id, "a window beyond 2^31-1", events, ErrorCode.FLOW_CONTROL_ERROR)
        else:
            self._check_known(stream_id, "WINDOW_UPDATE")

    def _settings(self, flags: int, payload: memoryview) -> None:
        if flags & Flag.ACK:
            return
        # Section 6.9.2: the difference applies to the streams that are open, too.
        if change := self._peer.apply(payload):
            for stream in self._streams.values():
                stream.send_window += change
                if stream.send_window > MAX_WINDOW:
                    raise window_overflow(f"stream {stream.id}")
        self._control.append(frame(FrameType.SETTINGS, Flag.ACK, 0))
        self._check_control()

    def _ping(self, flags: int, payload: memoryview, events: list[Event]) -> None:
        if flags & Flag.ACK:
            events.append(PingAcknowledged())
        else:
            self._pongs.append(frame(FrameType.PING, Flag.ACK, 0, bytes(payload[:8])))
            self._check_control()

    def _rst_stream(self, stream_id: int, payload: memoryview, events: list[Event]) -> None:
        if self._streams.pop(stream_id, None) is not None:
            events.append(StreamReset(stream_id, int.from_bytes(payload[:4], "big")))
        else:
            self._check_known(stream_id, "RST_STREAM")

    def _remote_closed(self, stream: Stream) -> None:
        stream.remote_closed = True
        self._forget_if_closed(stream)

    def _forget_if_closed(self, stream: Stream) -> None:
        if stream.remote_closed and stream.local_closed:
            self._streams.pop(stream.id, None)


def _joined(payloads: list[memoryview]) -> memoryview:
    return payloads[0] if len(payloads) == 1 else memoryview(b"".join(payloads))


def _closed(stream_id: int, kind: str) -> Http2Error:
    return Http2Error(
        f"the peer sent {kind} on stream {stream_id}, which it had closed", code=ErrorCode.STREAM_CLOSED
    )
