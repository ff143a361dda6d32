"""Dial ``kube-pod://``: run ``buildctl dial-stdio`` in a pod and speak over its stdin and stdout.

The API server's pods/exec over a WebSocket (``v5.channel.k8s.io``, ``v4`` for older servers), as kubectl
does it, but inside this process. Which daemon the command reaches is decided in the pod: by buildctl's
default or by ``BUILDKIT_HOST`` there.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from contextlib import suppress

from router.errors import ConnectionLostError, DialError, UnreachableError
from router.transport.address import KubePodAddress, format_address
from router.transport.buffers import chunks, without
from router.transport.deadline import Deadline
from router.transport.exec_status import ExecEnd, command_failed, exec_refused, read_status
from router.transport.kube_api import KubeApi, Opened
from router.transport.kubeconfig import KubeSource, load_target
from router.transport.options import DialOptions
from router.transport.sockets import SocketStream
from router.transport.stream import Buffer, ByteStream
from router.transport.tls import TLSStream
from router.transport.websocket import (
    NO_MASK,
    Opcode,
    Receiver,
    WebSocketError,
    accept_of,
    close_payload,
    frame,
    new_key,
)

__all__ = ["ExecStream", "dial_kube_pod"]

COMMAND = ("buildctl", "dial-stdio")
_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STDOUT, _STDERR, _STATUS = range(4)
# What kubectl sends too. Frames of 64 KiB to 1 MiB were taken, but measured no faster: the API server and
# the kubelet are the bottleneck, and pass them on in pieces of this size.
_FRAME = 1 << 15
_MOST_QUEUED = 1 << 18
_STDERR_TAIL = 4096


def dial_kube_pod(address: KubePodAddress, options: DialOptions) -> ByteStream:
    """Start the command in the pod. Raises DialError, UsageError for a kubeconfig that is wrong."""
    deadline = Deadline(options.timeout)
    source = KubeSource(
        environment=options.environment,
        kubeconfig=options.kubeconfig,
        context=address.context or options.kube_context,
    )
    target = load_target(source)
    api = KubeApi(target, options.environment)
    namespace = address.namespace or target.namespace
    key = new_key()
    opened = api.open(_exec_path(address, namespace), _upgrade_headers(key), deadline)
    where = f"pod {address.pod} in namespace {namespace}"
    headers = opened.reply.headers
    if opened.reply.status != 101:
        opened.socket.close()
        raise exec_refused(where, namespace, opened.reply)
    if headers.get("sec-websocket-accept") != accept_of(key) or (
        headers.get("sec-websocket-protocol") not in _PROTOCOLS
    ):
        opened.socket.close()
        raise DialError(
            f"{api.name} can't run a command in {where}: it speaks another WebSocket protocol",
            hint="Kubernetes 1.10 or newer is needed; does a proxy stand in between?",
        )
    return ExecStream(_stream(opened, format_address(address)), where)


class ExecStream:
    """A ByteStream over a WebSocket to a command in a pod; closing it ends the command.

    What the command said on stderr and how it ended stand in the error: DialError where it never answered
    a byte, else ConnectionLostError.
    """

    def __init__(self, inner: ByteStream, where: str) -> None:
        self._inner = inner
        self._where = where
        self._masked = not isinstance(inner, TLSStream)
        self._receiver = Receiver()
        self._queued: list[Buffer] = []
        self._stderr = b""
        self._end: ExecEnd | None = None
        self._answered = False
        self._closed = False

    def __repr__(self) -> str:
        state = "closed" if self._closed else "ended" if self._end else "open"
        return f"<ExecStream {self._where} {state}>"

    def fileno(self) -> int:
        """Return the descriptor of the connection to the API server."""
        return self._inner.fileno()

    def recv(self) -> bytes | None:
        """Return what the command has written to stdout. Raises DialError, ConnectionLostError."""
        while self._end is None:
            try:
                data = self._inner.recv()
            except ConnectionLostError as exc:
                raise self._error(ExecEnd(message=str(exc))) from exc
            if data is None:
                return None
            output = self._receive(data)
            if output:
                self._answered = True
                return output
        if self._end.succeeded:
            return b""
        raise self._error(self._end)

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Queue as much as fits for the command's stdin and send what goes now."""
        self.flush()
        if self._queued:
            return 0
        taken = 0
        for chunk in chunks(buffers, _FRAME):
            self._queue(Opcode.BINARY, b"\0", chunk)
            taken += len(chunk)
            if taken >= _MOST_QUEUED:
                break
        self.flush()
        return taken

    def pending(self) -> bool:
        """Say whether ``recv`` has something that the descriptor does not show."""
        return self._end is not None or self._inner.pending()

    def wants_write(self) -> bool:
        """Say whether frames are queued."""
        return bool(self._queued) or self._inner.wants_write()

    def flush(self) -> None:
        """Send queued frames as far as they go. Raises DialError, ConnectionLostError."""
        try:
            self._inner.flush()
            if self._queued:
                self._queued = without(self._queued, self._inner.send(self._queued))
        except ConnectionLostError as exc:
            raise self._why_not_sent(exc) from exc

    def close(self) -> None:
        """Say goodbye as far as it goes at once, and close the connection."""
        if self._closed:
            return
        self._closed = True
        if not self.wants_write():
            self._queue(Opcode.CLOSE, close_payload())
            with suppress(ConnectionLostError):  # the far end may have left first
                self._inner.send(self._queued)
        self._inner.close()

    def _queue(self, opcode: int, *payload: bytes) -> None:
        self._queued += frame(opcode, payload, mask=os.urandom(4) if self._masked else NO_MASK)

    def _receive(self, data: bytes) -> bytes:
        """Take in what arrived and return what of it is stdout."""
        if not data:
            self._end = ExecEnd(message="the connection was closed")
            return b""
        try:
            messages = self._receiver.feed(data)
        except WebSocketError as exc:
            self._end = ExecEnd(message=f"the API server sent {exc}")
            return b""
        output: list[bytes] = []
        for message in messages:
            match message.opcode:
                case Opcode.BINARY | Opcode.TEXT:
                    self._dispatch(message.payload, output)
                case Opcode.PING:
                    self._queue(Opcode.PONG, message.payload)
                case Opcode.CLOSE:
                    said = message.payload[2:].decode(errors="replace")
                    self._end = self._end or ExecEnd(message=said or "the connection was closed")
        return b"".join(output)

    def _dispatch(self, payload: bytes, output: list[bytes]) -> None:
        """Sort a message by its first byte, the number of its channel."""
        channel, content = payload[:1], payload[1:]
        if not content:
            return  # each channel is opened by an empty message
        if channel[0] == _STDOUT:
            output.append(content)
        elif channel[0] == _STDERR:
            self._stderr = (self._stderr + content)[-_STDERR_TAIL:]
        elif channel[0] == _STATUS:
            self._end = read_status(content)

    def _why_not_sent(self, exc: ConnectionLostError) -> UnreachableError:
        """Look whether the far end said why it stopped reading."""
        with suppress(ConnectionLostError):  # what broke the writing breaks the reading too
            while self._end is None and (data := self._inner.recv()) is not None:
                self._receive(data)
        return self._error(self._end or ExecEnd(message=str(exc)))

    def _error(self, end: ExecEnd) -> UnreachableError:
        return command_failed(self._where, end, self._stderr, answered=self._answered)


def _stream(opened: Opened, peer: str) -> ByteStream:
    if isinstance(opened.socket, ssl.SSLSocket):
        return TLSStream(opened.socket, peer, received=opened.reply.rest)
    return SocketStream(opened.socket, peer, received=opened.reply.rest)


def _exec_path(address: KubePodAddress, namespace: str) -> str:
    from urllib.parse import quote, urlencode

    query = [("command", word) for word in COMMAND]
    query += [("stdin", "true"), ("stdout", "true"), ("stderr", "true"), ("tty", "false")]
    if address.container is not None:
        query.append(("container", address.container))
    return f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(address.pod)}/exec?{urlencode(query)}"


def _upgrade_headers(key: str) -> tuple[tuple[str, str], ...]:
    return (
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key),
        ("Sec-WebSocket-Protocol", ", ".join(_PROTOCOLS)),
    )
