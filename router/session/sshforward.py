"""moby.sshforward.v1.SSH: connects steps with the agents and keys that this build names.

Each connection that a step makes is one ForwardAgent call, joined here to a local socket. Two threads move
its bytes, so that an agent that waits for its user holds up nothing else; unread bytes are limited in both
directions.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from router.net.stream import Buffer
from router.rpc.grpc import Status, prefix
from router.rpc.protobuf import bytes_field, bytes_message_header
from router.session.requests import RequestFields
from router.session.server import CallMetadata, CallRefused, StreamHandler, StreamMethod, UnaryMethod

__all__ = ["SSHConnection", "SSHSource", "check_agent", "forward_agent"]

_CHUNK = 64 * 1024
# The limit for waiting bytes in each direction. The daemon is told to pause at this size; until it does, it
# may have sent as much as its window on the stream allows (16 MiB).
_MOST_WAITING = 1024 * 1024
_MOST_RECEIVED = 32 * 1024 * 1024
# The limit for all connections together, on top of what each may hold anyway.
_MOST_OF_ALL = 128 * 1024 * 1024
# How long closing a call waits for its threads.
_JOIN = 0.5

# A request or a mount without an id uses this one.
_DEFAULT_ID = "default"


class SSHConnection(Protocol):
    """One connection to an agent, or to any other raw socket."""

    @property
    def socket(self) -> socket.socket:
        """The connected, blocking socket."""

    def close(self) -> None:
        """Close it, and stop its server."""


class SSHSource(Protocol):
    """The agents and sockets that this build names."""

    @property
    def ids(self) -> Sequence[str]:
        """The ids that steps may name."""

    def connect(self, name: str, /) -> SSHConnection | None:
        """Return a new connection, None for an unknown id. Raises ``RouterError``."""


def check_agent(source: SSHSource) -> dict[str, UnaryMethod]:
    """Return the method that tells the daemon whether an id exists, before it starts a step."""

    def check(request: bytes) -> bytes:
        name = RequestFields(request).text(1) or _DEFAULT_ID
        if name not in source.ids:
            raise _unknown(name, source)
        return b""

    return {"/moby.sshforward.v1.SSH/CheckAgent": check}


def forward_agent(source: SSHSource, wake: Callable[[], None]) -> dict[str, StreamMethod]:
    """Return the method that carries a connection. ``wake`` is called, from another thread, when there are
    bytes to send, or room for more."""

    connections: set[_Forwarded] = set()

    def forward(metadata: CallMetadata) -> StreamHandler:
        name = "".join(metadata.get("buildkit.ssh.id", [])[:1]) or _DEFAULT_ID
        connection = source.connect(name)
        if connection is None:
            raise _unknown(name, source)
        return _Forwarded(connection, wake, connections)

    return {"/moby.sshforward.v1.SSH/ForwardAgent": forward}


def _unknown(name: str, source: SSHSource) -> CallRefused:
    given = ", ".join(source.ids)
    return CallRefused(Status.NOT_FOUND, f'no SSH agent is forwarded under the id "{name}" (given: {given})')


class _Forwarded:
    """A socket and a call, joined. ``connections`` are all open ones of the session."""

    def __init__(
        self, connection: SSHConnection, wake: Callable[[], None], connections: set[_Forwarded]
    ) -> None:
        self._connections = connections
        connections.add(self)
        self._connection = connection
        self._socket = connection.socket
        self._wake = wake
        self._changed = threading.Condition()
        # Everything below is shared with the threads, and read and changed only under the condition.
        self._to_step = bytearray()
        self._to_socket = bytearray()
        self._input_ended = self._output_ended = self._deaf = self._closed = False
        self._threads = [
            threading.Thread(target=target, name="ssh forward", daemon=True)
            for target in (self._read_socket, self._write_socket)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def done(self) -> bool:
        """Whether the socket has ended, and everything that it sent is on its way.

        A call can't end in one direction alone, so this direction ends the whole call.
        """
        with self._changed:
            return self._output_ended and not self._to_step

    @property
    def full(self) -> bool:
        """Whether bytes arrive faster than the socket takes them."""
        with self._changed:
            return len(self._to_socket) > _MOST_WAITING

    def receive(self, message: memoryview) -> None:
        with self._changed:
            if self._deaf:
                return
            self._to_socket += bytes_field(message)
            self._changed.notify_all()
            waiting = len(self._to_socket)
        if waiting > _MOST_RECEIVED or (waiting > _MOST_WAITING and self._most_of_all()):
            raise CallRefused(
                Status.RESOURCE_EXHAUSTED, "the SSH agent reads too slowly: too many bytes are waiting"
            )

    def _most_of_all(self) -> bool:
        # Without their locks: a size that is slightly out of date is good enough.
        return sum(len(other._to_socket) for other in self._connections) > _MOST_OF_ALL  # noqa: SLF001

    def end_of_input(self) -> None:
        with self._changed:
            self._input_ended = True
            self._changed.notify_all()

    def pull(self, _size: int) -> Sequence[Buffer] | None:
        with self._changed:
            data, self._to_step = self._to_step, bytearray()
            self._changed.notify_all()
        if not data:
            return None
        header = bytes_message_header(len(data))
        return [prefix(len(header) + len(data)) + header, data]

    def close(self) -> None:
        self._connections.discard(self)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        # Before the threads are joined: closing it ends their waiting.
        self._connection.close()
        deadline = time.monotonic() + _JOIN
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def _read_socket(self) -> None:
        data = b"-"
        while data:
            try:
                data = self._socket.recv(_CHUNK)
            except OSError:
                data = b""
            with self._changed:
                self._changed.wait_for(lambda: self._closed or len(self._to_step) < _MOST_WAITING)
                if self._closed:
                    return
                if data:
                    self._to_step += data
                else:
                    self._output_ended = True
            self._wake()

    def _write_socket(self) -> None:
        while data := self._next_for_socket():
            try:
                self._socket.sendall(data)
            except OSError:
                with self._changed:  # it is gone; the other thread notices that too
                    self._deaf = True
                    self._to_socket.clear()
                return
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def _next_for_socket(self) -> bytes:
        """Wait for bytes from the step; return none when there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._to_socket or self._input_ended)
            if self._closed:
                return b""
            was_full = len(self._to_socket) > _MOST_WAITING
            data = bytes(self._to_socket[:_CHUNK])
            del self._to_socket[:_CHUNK]
            has_room = was_full and len(self._to_socket) <= _MOST_WAITING
        if has_room:
            self._wake()
        return data
