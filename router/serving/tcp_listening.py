"""TCP ports for clients: open to this machine, with a certificate for others."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from router.errors import UsageError
from router.model.address import TcpAddress
from router.model.tls import TLSOptions
from router.net.sockets import SocketStream
from router.net.tcp import prepare_tcp
from router.net.tls_context import server_context
from router.serving.accepting import ListeningSocket
from router.serving.listener import Accepted, Admission, Listener
from router.serving.opened_port import OpenedPort
from router.serving.tls_listening import TLSListener

__all__ = ["TcpListener", "client_of", "listen_tcp", "tcp_listener"]

_TLS_HINT = "--listen-tls DIR asks for certificates, --insecure accepts everybody who can reach the port"
_FILES = "--listen-tls names a directory with ca.pem, cert.pem and key.pem"
_LOOPBACK = "for this machine only: --listen tcp://127.0.0.1:1234"
# A name's second address may be of a family that this machine lacks.
_ABSENT = frozenset([errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])


class TcpListener(Listener):
    """Accepts everybody who connects."""

    def __init__(self, sock: ListeningSocket, where: TcpAddress) -> None:
        self.where = where
        self._socket = sock

    def accept(self) -> Accepted | None:
        """Wait for the next client."""
        while (connection := self._socket.accept()) is not None:
            try:
                prepare_tcp(connection)
                host, port = connection.getpeername()[:2]
            except OSError:
                connection.close()  # it has disconnected
                continue
            description = f"{host} port {port}"
            return Accepted(
                stream=SocketStream(connection, description), who=client_of(host), description=description
            )
        return None

    def stop(self) -> None:
        """Accept no more clients."""
        self._socket.stop()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def listen_tcp(address: TcpAddress, admission: Admission, tell: Callable[[str], None]) -> Sequence[Listener]:
    """Listen on a port, at each address of the host's name on this machine.

    Raises ``UsageError`` if listening there is not allowed, ``RouterError`` if the port is in use.
    """
    with ExitStack() as opened:
        sockets = _bound(address, opened)
        listeners = [tcp_listener(sock, address, admission, tell) for sock in sockets]
        opened.pop_all()
    return listeners


def tcp_listener(
    sock: socket.socket, address: TcpAddress, admission: Admission, tell: Callable[[str], None]
) -> Listener:
    """Listen on a bound socket, which the listener then owns. Raises ``UsageError`` if that is not
    allowed."""
    if admission.tls is not None:
        return TLSListener(ListeningSocket(sock), address, _context(admission.tls), tell)
    if not admission.insecure and client_of(sock.getsockname()[0]) != "local":
        raise UsageError(f"{address} is open to other machines, and would accept everybody", hint=_TLS_HINT)
    return TcpListener(ListeningSocket(sock), address)


def _context(options: TLSOptions) -> ssl.SSLContext:
    try:
        return server_context(options)
    except UsageError as exc:
        raise UsageError(str(exc), hint=_FILES) from exc


def _bound(address: TcpAddress, opened: ExitStack) -> Sequence[socket.socket]:
    port = OpenedPort(address=address, purpose=f"listen on {address}", hint=_LOOPBACK)
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    for family, where in port.places():
        try:
            sockets.append(opened.enter_context(port.bind(family, where)))
        except OSError as exc:
            if exc.errno not in _ABSENT:
                raise port.error(exc) from exc
            absent = exc
    if not sockets and absent is not None:
        raise port.error(absent) from absent
    return sockets


def client_of(host: str) -> str:
    """Return the identity for an IP address: this machine is one client, and each other machine is one."""
    address = ipaddress.ip_address(host)
    address = getattr(address, "ipv4_mapped", None) or address
    return "local" if address.is_loopback else f"host {address}"
