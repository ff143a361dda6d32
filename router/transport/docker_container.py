"""Dial ``docker-container://``: ``buildctl dial-stdio`` in a container of a Docker engine.

By the engine's API, without a docker command: the exec is created, and started with an upgrade, after which
the connection carries stdin one way and, in frames, stdout and stderr the other way.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Sequence

from router.docker.endpoint import DockerEndpoint
from router.docker.engine import broken, connect_engine, stream_of
from router.errors import ConnectionLostError, DialError, UnreachableError
from router.model.address import DockerAddress, DockerContainerAddress
from router.net.deadline import Deadline
from router.net.exec_status import CONTAINER_IMAGE, DIAL_STDIO, ExecEnd, command_failed
from router.net.http1 import Reply, Request, exchange
from router.net.stream import Buffer, ByteStream
from router.transport.docker import endpoint_of
from router.transport.options import DialOptions
from router.untrusted_json import NotJSONError, integer, read_json, text

__all__ = ["DockerExecStream", "dial_docker_container"]

_STDOUT, _STDERR = 1, 2
_HEADER = 8
_STDERR_TAIL = 4096
_RUNTIME = b"OCI runtime exec failed"
# Asking the engine how the command ended, when it just said that it has.
_ASKING = 1.0
_IDENTITY = re.compile(r"[0-9A-Za-z_-]{1,128}")


def dial_docker_container(address: DockerContainerAddress, options: DialOptions) -> ByteStream:
    """Start the command in the container. Raises DialError, UsageError."""
    deadline = Deadline(options.timeout)
    endpoint = endpoint_of(DockerAddress(context=address.context, endpoint=address.endpoint), options)
    where = f"the container {address.container} of the Docker engine at {endpoint.host}"
    sock = connect_engine(endpoint, deadline)
    try:
        execution = _create(sock, address.container, where, deadline)
        reply = exchange(sock, _start(execution), deadline)
        if reply.status != 101:
            raise _refused(where, reply)
    except OSError as exc:
        sock.close()
        raise broken(f"the Docker engine at {endpoint.host}", endpoint, exc) from exc
    except DialError:
        sock.close()
        raise
    return DockerExecStream(stream_of(sock, where, reply), _Execution(endpoint, execution, where))


class _Execution:
    """A command that was started, to be asked about when it has ended."""

    def __init__(self, endpoint: DockerEndpoint, identity: str, where: str) -> None:
        self.where = where
        self._endpoint = endpoint
        self._identity = identity

    def exit_code(self) -> int | None:
        """Return how it ended, None where the engine can't be asked."""
        deadline = Deadline(_ASKING)
        request = Request(
            method="GET",
            target=f"/exec/{self._identity}/json",
            host="docker",
            headers=(("Connection", "close"),),
        )
        try:
            with connect_engine(self._endpoint, deadline) as sock:
                return integer(read_json(exchange(sock, request, deadline).body), "ExitCode")
        except (OSError, DialError, NotJSONError):
            return None


class DockerExecStream:
    """A ByteStream over an upgraded connection; closing it ends the command's stdin, and so the command.

    How the command ended stands in the error: DialError where it never answered a byte, else
    ConnectionLostError.
    """

    def __init__(self, inner: ByteStream, execution: _Execution) -> None:
        self._inner = inner
        self._execution = execution
        self._frames = _Frames()
        self._answered = False

    def __repr__(self) -> str:
        return f"<DockerExecStream {self._execution.where} over {self._inner!r}>"

    def fileno(self) -> int:
        """Return the descriptor of the connection to the engine."""
        return self._inner.fileno()

    def recv(self) -> bytes | None:
        """Return what the command has written to stdout. Raises DialError, ConnectionLostError."""
        try:
            data = self._inner.recv()
        except ConnectionLostError as exc:
            raise self._error(ExecEnd(message=str(exc))) from exc
        if data is None:
            return None
        if not data:
            return self._at_the_end()
        output = self._frames.feed(data)
        if not self._answered and output.startswith(_RUNTIME):
            self._frames.keep(output)  # older engines say on stdout that there is no such program
            return None
        # Who wants more comes back for it: an engine that sends empty frames holds up no deadline.
        self._answered = self._answered or bool(output)
        return output or None

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Send as much as fits to the command's stdin. Raises ConnectionLostError."""
        return self._inner.send(buffers)

    def pending(self) -> bool:
        """Say whether ``recv`` has something that the descriptor does not show."""
        return self._inner.pending()

    def wants_write(self) -> bool:
        """Say whether bytes are held."""
        return self._inner.wants_write()

    def flush(self) -> None:
        """Send what is held, as far as it goes. Raises ConnectionLostError."""
        self._inner.flush()

    def finish(self) -> bool:
        """Close the command's stdin."""
        return self._inner.finish()

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def _at_the_end(self) -> bytes:
        code = self._execution.exit_code()
        if code == 0 and self._answered:
            return b""
        raise self._error(ExecEnd(exit_code=code, message="the engine closed the connection"))

    def _error(self, end: ExecEnd) -> UnreachableError:
        return command_failed(
            self._execution.where,
            end,
            self._frames.stderr,
            answered=self._answered,
            missing_hint=CONTAINER_IMAGE,
        )


class _Frames:
    """Sorts what an attached command writes: each frame has a byte for its stream, and four for its size."""

    def __init__(self) -> None:
        self.stderr = b""
        self._header = b""
        self._kind = 0
        self._left = 0

    def feed(self, data: bytes) -> bytes:
        """Return what of the data is stdout; frames may be split anyhow."""
        output = bytearray()
        position = 0
        while position < len(data):
            if not self._left:
                wanted = _HEADER - len(self._header)
                self._header += data[position : position + wanted]
                position += wanted
                if len(self._header) == _HEADER:
                    self._kind, self._left = self._header[0], int.from_bytes(self._header[4:], "big")
                    self._header = b""
                continue
            content = data[position : position + self._left]
            position += len(content)
            self._left -= len(content)
            if self._kind == _STDOUT:
                output += content
            elif self._kind == _STDERR:
                self.keep(content)
        return bytes(output)

    def keep(self, content: bytes) -> None:
        """Note the end of what was said on stderr."""
        self.stderr = (self.stderr + content)[-_STDERR_TAIL:]


def _create(sock: socket.socket, container: str, where: str, deadline: Deadline) -> str:
    """Create the exec on the connection that it will be started on; return its id."""
    wanted = {"AttachStdin": True, "AttachStdout": True, "AttachStderr": True, "Cmd": DIAL_STDIO}
    request = Request(
        method="POST",
        target=f"/containers/{container}/exec",
        host="docker",
        headers=(("Content-Type", "application/json"),),
        body=json.dumps(wanted).encode(),
    )
    reply = exchange(sock, request, deadline)
    if reply.status != 201:
        raise _refused(where, reply)
    identity = _told(reply, "Id")
    # It becomes part of a path.
    if not _IDENTITY.fullmatch(identity):
        raise DialError(f"can't run buildctl in {where}: the answer is not a Docker engine's")
    return identity


def _told(reply: Reply, key: str) -> str:
    """Return a text that stands in the answer, an empty one where it doesn't."""
    try:
        return text(read_json(reply.body), key)
    except NotJSONError:
        return ""


def _start(execution: str) -> Request:
    return Request(
        method="POST",
        target=f"/exec/{execution}/start",
        host="docker",
        headers=(("Content-Type", "application/json"), ("Connection", "Upgrade"), ("Upgrade", "tcp")),
        body=b'{"Detach":false,"Tty":false}',
    )


def _refused(where: str, reply: Reply) -> DialError:
    said = _told(reply, "message") or reply.text or reply.phrase
    match reply.status:
        case 404:
            return DialError(f"there is no {where.removeprefix('the ')}: {said}", hint="docker ps --all")
        case 409:
            return DialError(
                f"can't run buildctl in {where}: {said}",
                hint="docker start, or docker unpause, the container",
                temporary=True,
            )
        case 403:
            return DialError(
                f"can't run buildctl in {where}: {said}",
                hint="a proxy in between must allow exec",
                reason="forbidden",
            )
        case status:
            return DialError(
                f"can't run buildctl in {where}: {status} {said}",
                hint=CONTAINER_IMAGE,
                temporary=status >= 500,
            )
