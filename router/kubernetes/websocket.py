"""A WebSocket to a pod's subresource on the API server: numbered channels over one connection.

The upgrade, and a nonblocking stream of messages. What the channels of exec and of portforward mean is
the business of ``kube_exec`` and ``kube_forward``.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from urllib.parse import quote

from router.errors import ConnectionLostError, DialError
from router.kubernetes.api import KubeApi, Opened
from router.model.frozen import frozen
from router.net.buffers import chunks, without
from router.net.deadline import Deadline
from router.net.http1 import Reply
from router.net.sockets import SocketStream
from router.net.stream import Buffer, ByteStream
from router.net.tls import TLSStream
from router.net.websocket import (
    NO_MASK,
    Message,
    Opcode,
    Receiver,
    WebSocketError,
    accept_of,
    close_payload,
    frame,
    new_key,
)

__all__ = ["Pod", "PodChannels", "open_channels"]

# What kubectl sends too. Frames of 64 KiB to 1 MiB were taken, but measured no faster: the API server and
# the kubelet are the bottleneck, and pass them on in pieces of this size.
_FRAME = 1 << 15
_MOST_QUEUED = 1 << 18
# More than the kernel holds of what a peer sent before it hung up, in receives of up to 1 MiB.
_LAST_WORDS = 32


@frozen
class Pod:
    """A pod on an API server."""

    api: KubeApi
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"pod {self.name} in namespace {self.namespace}"

    def path(self, subresource: str = "") -> str:
        """Return the path of the pod, or of something below it, with or without a query."""
        below = f"/{subresource}" if subresource else ""
        return f"/api/v1/namespaces/{quote(self.namespace)}/pods/{quote(self.name)}{below}"


def open_channels(
    pod: Pod,
    subresource: str,
    protocols: Sequence[str],
    deadline: Deadline,
    *,
    refused: Callable[[Reply], DialError],
) -> PodChannels:
    """Upgrade a request for ``subresource`` (with its query); of the protocols the server's choice counts.

    Raises DialError: what ``refused`` makes of an answer other than 101, or the API server's own faults.
    """
    key = new_key()
    headers = (
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Protocol", ", ".join(protocols)),
    )
    opened = pod.api.open(pod.path(subresource), headers, deadline)
    if opened.reply.status != 101:
        opened.socket.close()
        raise refused(opened.reply)
    chosen = opened.reply.headers.get("sec-websocket-protocol", "")
    if opened.reply.headers.get("sec-websocket-accept") != accept_of(key) or chosen not in protocols:
        opened.socket.close()
        raise DialError(
            f"{pod.api.name} can't connect to {pod}: it speaks another WebSocket protocol",
            hint="Kubernetes 1.10 or newer is needed; does a proxy stand in between?",
            reason="protocol",
        )
    return PodChannels(_stream(opened, str(pod)), chosen)


class PodChannels:
    """Messages to and from channels; ``protocol`` is what was agreed on.

    ``receive`` hands each message, with its first byte that numbers the channel, to ``on_message``;
    ``ended`` says why there will be no more, ``orderly`` whether the far end took its leave.
    """

    def __init__(self, inner: ByteStream, protocol: str) -> None:
        self.protocol = protocol
        self.ended = ""
        self.orderly = False
        self._inner = inner
        self._masked = not isinstance(inner, TLSStream)
        self._receiver = Receiver()
        self._queued: list[Buffer] = []
        self._pong: bytes | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether this end was closed."""
        return self._closed

    def fileno(self) -> int:
        """Return the descriptor of the connection to the API server."""
        return self._inner.fileno()

    def receive(self, on_message: Callable[[bytes], None]) -> bool:
        """Take in what has arrived, once; False where nothing is there yet. Raises ConnectionLostError.

        Who wants more comes back for it, so that a peer that never stops talking holds up no deadline.
        """
        data = self._inner.recv()
        if data is None:
            return False
        if not data:
            self.ended = self.ended or "the connection was closed"
            return True
        self._receiver.feed(data)
        try:
            for message in self._receiver.messages():
                self._take(message, on_message)
        except WebSocketError as exc:
            self.ended = self.ended or f"the API server sent {exc}"
        return True

    def _take(self, message: Message, on_message: Callable[[bytes], None]) -> None:
        match message.opcode:
            case Opcode.BINARY | Opcode.TEXT:
                on_message(message.payload)
            case Opcode.PING:
                # Section 5.5.3: the last one alone may be answered. However many come, one answer waits.
                self._pong = message.payload
            case Opcode.CLOSE:
                said = message.payload[2:].decode(errors="replace")
                self.orderly = True
                self.ended = self.ended or said or "the connection was closed"

    def send(self, channel: bytes, buffers: Sequence[Buffer]) -> int:
        """Queue as much as fits for a channel and send what goes now. Raises ConnectionLostError."""
        self.flush()
        if self._queued:
            return 0
        taken = 0
        for chunk in chunks(buffers, _FRAME):
            self._queue(Opcode.BINARY, channel, chunk)
            taken += len(chunk)
            if taken >= _MOST_QUEUED:
                break
        self.flush()
        return taken

    def receive_the_rest(self, on_message: Callable[[bytes], None]) -> None:
        """Take in what arrived before the connection broke: it may say why. Raises ConnectionLostError."""
        for _ in range(_LAST_WORDS):
            if self.ended or not self.receive(on_message):
                return

    def pending(self) -> bool:
        """Say whether ``receive`` has something that the descriptor does not show."""
        return self._inner.pending()

    def wants_write(self) -> bool:
        """Say whether frames are queued."""
        return bool(self._queued) or self._pong is not None or self._inner.wants_write()

    def flush(self) -> None:
        """Send queued frames as far as they go. Raises ConnectionLostError."""
        self._inner.flush()
        if self._pong is not None and not self._queued:
            self._queue(Opcode.PONG, self._pong)
            self._pong = None
        if self._queued:
            self._queued = without(self._queued, self._inner.send(self._queued))

    def close(self) -> None:
        """Say goodbye as far as it goes at once, and close the connection."""
        if self._closed:
            return
        self._closed = True
        if not self._queued and not self._inner.wants_write():
            self._queue(Opcode.CLOSE, close_payload())
            with suppress(ConnectionLostError):  # the far end may have left first
                self._inner.send(self._queued)
        self._inner.close()

    def _queue(self, opcode: int, *payload: bytes) -> None:
        self._queued += frame(opcode, payload, mask=os.urandom(4) if self._masked else NO_MASK)


def _stream(opened: Opened, peer: str) -> ByteStream:
    if isinstance(opened.socket, ssl.SSLSocket):
        return TLSStream(opened.socket, peer, received=opened.reply.rest)
    return SocketStream(opened.socket, peer, received=opened.reply.rest)
