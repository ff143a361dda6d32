"""Connections to a Docker engine, and what its API is spoken on."""

from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING, cast

from router.address import parse_address
from router.descriptors import limit_hint
from router.docker.endpoint import DockerEndpoint
from router.errors import DialError, UsageError
from router.model.address import TcpAddress, UnixAddress
from router.net.deadline import Deadline
from router.net.http1 import Reply
from router.net.sockets import SocketStream, describe_os_error
from router.net.stream import ByteStream
from router.net.tcp import connect_tcp
from router.net.unix import connect_unix
from router.notation.quoting import quoted

if TYPE_CHECKING:
    import ssl

__all__ = ["broken", "connect_engine", "stream_of"]

_PLAIN_PORT, _TLS_PORT = 2375, 2376


def connect_engine(endpoint: DockerEndpoint, deadline: Deadline) -> socket.socket:
    """Return a connected blocking socket, with TLS where the endpoint has it, to speak HTTP/1.1 on.

    Raises DialError, and UsageError for a docker host of a kind that can't be dialled.
    """
    peer = f"the Docker engine at {endpoint.host}"
    target = _target(endpoint)
    if isinstance(target, UnixAddress):
        return _connect_unix(target, peer, deadline)
    if endpoint.tls is None:
        return connect_tcp(target.host, target.port, peer, deadline)
    from router.net.tls import TLSPeer
    from router.net.tls_context import client_context, trust_anyone

    context = client_context(endpoint.tls, alpn=("http/1.1",))
    if not endpoint.verify:
        trust_anyone(context)
    secured = TLSPeer(
        name=peer,
        server_name=target.host,
        context=context,
        advice=f"check ca.pem, cert.pem and key.pem of {endpoint.source}, and DOCKER_TLS_VERIFY",
    )
    return secured.handshake(connect_tcp(target.host, target.port, peer, deadline), deadline)


def stream_of(sock: socket.socket, peer: str, reply: Reply) -> ByteStream:
    """Return the stream that a connection to an engine has become by an upgrade."""
    if type(sock) is socket.socket:
        return SocketStream(sock, peer, received=reply.rest)
    from router.net.tls import TLSStream

    return TLSStream(cast("ssl.SSLSocket", sock), peer, received=reply.rest)


def broken(peer: str, endpoint: DockerEndpoint, exc: OSError) -> DialError:
    """Return the error for a connection to an engine that broke before it was upgraded."""
    hint = None
    if endpoint.tls is not None:
        from router.net.tls import describe_tls_error

        why, _ = describe_tls_error(exc)
        hint = f"check ca.pem, cert.pem and key.pem of {endpoint.source}"
    else:
        why = describe_os_error(exc)
    if isinstance(exc, TimeoutError):
        hint = "check that a Docker engine is listening there"
    return DialError(f"no BuildKit from {peer}: {why}", hint=hint, temporary=True)


def _target(endpoint: DockerEndpoint) -> TcpAddress | UnixAddress:
    """Read a docker host: ``unix://``, or ``tcp://`` with docker's own default ports."""
    scheme, _, rest = endpoint.host.partition("://")
    if scheme in {"tcp", "http", "https"}:
        where = rest.partition("/")[0]
        if where.rpartition("]")[2].find(":") < 0:
            where += f":{_PLAIN_PORT if endpoint.tls is None else _TLS_PORT}"
        address = parse_address(f"tcp://{where}")
    elif scheme == "unix":
        address = parse_address(endpoint.host)
    else:
        address = None
    if not isinstance(address, TcpAddress | UnixAddress):
        raise UsageError(
            f"the docker host {quoted(endpoint.host)} ({endpoint.source}) has an unsupported scheme",
            hint="supported: unix://, tcp://",
        )
    return address


def _connect_unix(target: UnixAddress, peer: str, deadline: Deadline) -> socket.socket:
    try:
        return connect_unix(target.path, peer, deadline.remaining())
    except DialError as exc:
        cause = exc.__cause__
        denied = isinstance(cause, OSError) and cause.errno == errno.EACCES
        hint = (
            "add this user to the group docker" if denied else "is dockerd running? DOCKER_HOST names others"
        )
        if isinstance(cause, OSError):
            hint = limit_hint(cause) or hint
        raise DialError(str(exc), hint=hint, reason=exc.reason, temporary=exc.temporary) from cause
