"""A port of a pod, forwarded over the API server's pods/portforward.

The WebSocket protocol ``v4.channel.k8s.io`` with two channels: data, and what went wrong. API servers pass it
to the kubelet as it is, old ones and new ones alike; kubectl's newer ``SPDY/3.1+portforward.k8s.io`` wraps
SPDY frames in the same messages, and only API servers since 1.30 know it. What the daemon's end of the
connection is connected to is the pod's loopback.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from router.errors import ConnectionLostError, DialError, UnreachableError
from router.kubernetes.refusal import refused
from router.kubernetes.websocket import Pod, PodChannels, open_channels
from router.net.deadline import Deadline
from router.net.stream import Buffer

__all__ = ["ForwardStream", "dial_forward"]

_PROTOCOLS = ("v4.channel.k8s.io",)
_DATA, _ERROR = range(2)
# Each channel begins with the port that it belongs to, in two bytes.
_PORT_SIZE = 2
_MOST_ERROR = 4096


def dial_forward(pod: Pod, port: int, deadline: Deadline) -> ForwardStream:
    """Ask for the port. Whether anything listens there shows when it is used. Raises DialError."""
    channels = open_channels(
        pod,
        f"portforward?ports={port}",
        _PROTOCOLS,
        deadline,
        refused=lambda reply: refused(pod, "pods/portforward", reply),
    )
    return ForwardStream(channels, f"port {port} of {pod}")


class ForwardStream:
    """A ByteStream to a port of a pod.

    What the kubelet says of it stands in the error: DialError where the port never answered a byte, else
    ConnectionLostError.
    """

    def __init__(self, channels: PodChannels, where: str) -> None:
        self._channels = channels
        self._where = where
        self._to_skip = {_DATA: _PORT_SIZE, _ERROR: _PORT_SIZE}
        self._said = b""
        self._data = bytearray()
        self._answered = False

    def __repr__(self) -> str:
        state = "closed" if self._channels.closed else "ended" if self._channels.ended else "open"
        return f"<ForwardStream {self._where} {state}>"

    def fileno(self) -> int:
        """Return the descriptor of the connection to the API server."""
        return self._channels.fileno()

    def recv(self) -> bytes | None:
        """Return what has arrived from the port. Raises DialError, ConnectionLostError."""
        if not self._data and not self._channels.ended:
            try:
                self._channels.receive(self._dispatch)
            except ConnectionLostError as exc:
                raise self._error(str(exc)) from exc
        if self._data:
            self._answered = True
            data, self._data = bytes(self._data), bytearray()
            return data
        if not self._channels.ended:
            return None
        if self._channels.orderly and not self._said:
            return b""
        raise self._error(self._channels.ended)

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Queue as much as fits and send what goes now. Raises DialError, ConnectionLostError."""
        try:
            return self._channels.send(bytes([_DATA]), buffers)
        except ConnectionLostError as exc:
            raise self._why_not_sent(exc) from exc

    def pending(self) -> bool:
        """Say whether ``recv`` has something that the descriptor does not show."""
        return bool(self._data or self._channels.ended) or self._channels.pending()

    def wants_write(self) -> bool:
        """Say whether frames are queued."""
        return self._channels.wants_write()

    def flush(self) -> None:
        """Send queued frames as far as they go. Raises DialError, ConnectionLostError."""
        try:
            self._channels.flush()
        except ConnectionLostError as exc:
            raise self._why_not_sent(exc) from exc

    def finish(self) -> bool:
        """Return False: the protocol can't close one direction alone."""
        return False

    def close(self) -> None:
        """Say goodbye as far as it goes at once, and close the connection."""
        self._channels.close()

    def _dispatch(self, payload: bytes) -> None:
        """Sort a message by its first byte, the number of its channel."""
        channel, content = payload[0] if payload else -1, payload[1:]
        if channel not in self._to_skip:
            return
        skipped = min(self._to_skip[channel], len(content))
        self._to_skip[channel] -= skipped
        content = content[skipped:]
        if channel == _ERROR:
            self._said = (self._said + content)[:_MOST_ERROR]
        elif content:
            self._data += content

    def _why_not_sent(self, exc: ConnectionLostError) -> UnreachableError:
        """Look whether the far end said why it stopped reading."""
        with suppress(ConnectionLostError):  # what broke the writing breaks the reading too
            self._channels.receive_the_rest(self._dispatch)
        return self._error(self._channels.ended or str(exc))

    def _error(self, ended: str) -> UnreachableError:
        said = self._said.decode(errors="replace").strip()
        if self._answered:
            return ConnectionLostError(f"lost {self._where}: {said or ended}", temporary=True)
        if "refused" in said:
            return DialError(
                f"can't connect to {self._where}: connection refused",
                hint="buildkitd must listen there (--addr tcp://0.0.0.0:1234); --pod-port names another port",
                reason="refused",
                temporary=True,
            )
        if "reset by peer" in said:
            return DialError(
                f"{self._where} closed the connection at once",
                hint="the daemon may require TLS: try --tls-ca or --tls-dir",
                temporary=True,
            )
        return DialError(f"can't connect to {self._where}: {said or ended}", temporary=True)
