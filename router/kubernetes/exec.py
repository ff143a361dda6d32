"""``buildctl dial-stdio`` run in a pod, and spoken with over its stdin and stdout.

The API server's pods/exec over a WebSocket (``v5.channel.k8s.io``, ``v4`` for older servers), as kubectl
does it, but inside this process. Which daemon the command reaches is decided in the pod: by buildctl's
default or by ``BUILDKIT_HOST`` there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import urlencode

from router.errors import ConnectionLostError, UnreachableError
from router.kubernetes.refusal import refused
from router.kubernetes.websocket import Pod, PodChannels, open_channels
from router.net.deadline import Deadline
from router.net.exec_status import DIAL_STDIO, POD_IMAGE, ExecEnd, command_failed, read_status
from router.net.stream import Buffer

__all__ = ["ExecStream", "dial_exec"]

# Of v5 only the closing of stdin is used, which v4 can't tell.
_CLOSING = "v5.channel.k8s.io"
_PROTOCOLS = (_CLOSING, "v4.channel.k8s.io")
_STDIN, _STDOUT, _STDERR, _STATUS = range(4)
_CLOSE = b"\xff"
_STDERR_TAIL = 4096


def dial_exec(pod: Pod, container: str | None, deadline: Deadline) -> ExecStream:
    """Start the command in the pod. Raises DialError."""
    query = [("command", word) for word in DIAL_STDIO]
    query += [("stdin", "true"), ("stdout", "true"), ("stderr", "true"), ("tty", "false")]
    if container is not None:
        query.append(("container", container))
    channels = open_channels(
        pod,
        f"exec?{urlencode(query)}",
        _PROTOCOLS,
        deadline,
        refused=lambda reply: refused(pod, "pods/exec", reply),
    )
    return ExecStream(channels, str(pod))


class ExecStream:
    """A ByteStream over a WebSocket to a command in a pod; closing it ends the command.

    What the command said on stderr and how it ended stand in the error: DialError where it never answered
    a byte, else ConnectionLostError.
    """

    def __init__(self, channels: PodChannels, where: str) -> None:
        self._channels = channels
        self._where = where
        self._stderr = b""
        self._end: ExecEnd | None = None
        self._answered = False
        self._output = bytearray()

    def __repr__(self) -> str:
        state = "closed" if self._channels.closed else "ended" if self._end else "open"
        return f"<ExecStream {self._where} {state}>"

    def fileno(self) -> int:
        """Return the descriptor of the connection to the API server."""
        return self._channels.fileno()

    def recv(self) -> bytes | None:
        """Return what the command has written to stdout. Raises DialError, ConnectionLostError."""
        if not self._output and self._end is None:
            try:
                self._receive()
            except ConnectionLostError as exc:
                raise self._error(ExecEnd(message=str(exc))) from exc
        if self._output:
            self._answered = True
            output, self._output = bytes(self._output), bytearray()
            return output
        if self._end is None:
            return None
        if self._end.succeeded:
            return b""
        raise self._error(self._end)

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Queue as much as fits for the command's stdin and send what goes now."""
        try:
            return self._channels.send(bytes([_STDIN]), buffers)
        except ConnectionLostError as exc:
            raise self._why_not_sent(exc) from exc

    def pending(self) -> bool:
        """Say whether ``recv`` has something that the descriptor does not show."""
        return bool(self._output) or self._end is not None or self._channels.pending()

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
        """Close the command's stdin, where the server's protocol can tell that."""
        if self._channels.protocol != _CLOSING:
            return False
        try:
            self._channels.send(_CLOSE, [bytes([_STDIN])])
        except ConnectionLostError as exc:
            raise self._why_not_sent(exc) from exc
        return True

    def close(self) -> None:
        """Say goodbye as far as it goes at once, and close the connection."""
        self._channels.close()

    def _receive(self) -> None:
        """Take in what has arrived, once."""
        self._channels.receive(self._dispatch)
        if self._channels.ended and self._end is None:
            self._end = ExecEnd(message=self._channels.ended)

    def _dispatch(self, payload: bytes) -> None:
        """Sort a message by its first byte, the number of its channel."""
        channel, content = payload[:1], payload[1:]
        if not content:
            return  # each channel is opened by an empty message
        if channel[0] == _STDOUT:
            self._output += content
        elif channel[0] == _STDERR:
            self._stderr = (self._stderr + content)[-_STDERR_TAIL:]
        elif channel[0] == _STATUS:
            self._end = read_status(content)

    def _why_not_sent(self, exc: ConnectionLostError) -> UnreachableError:
        """Look whether the far end said why it stopped reading."""
        with suppress(ConnectionLostError):  # what broke the writing breaks the reading too
            self._channels.receive_the_rest(self._dispatch)
        return self._error(self._end or ExecEnd(message=self._channels.ended or str(exc)))

    def _error(self, end: ExecEnd) -> UnreachableError:
        return command_failed(self._where, end, self._stderr, answered=self._answered, missing_hint=POD_IMAGE)
