"""Dial ``tcp://``."""

from __future__ import annotations

from router.model.address import TcpAddress
from router.net.deadline import Deadline
from router.net.sockets import SocketStream
from router.net.stream import ByteStream
from router.net.tcp import connect_tcp
from router.transport.options import DialOptions

__all__ = ["dial_tcp"]


def dial_tcp(address: TcpAddress, options: DialOptions) -> ByteStream:
    """Connect, with TLS where ``options.tls`` is given. Raises DialError, UsageError."""
    peer = str(address)
    deadline = Deadline(options.timeout)
    if options.tls is None:
        return SocketStream(connect_tcp(address.host, address.port, peer, deadline), peer)
    from router.net.tls import TLSPeer
    from router.net.tls_context import client_context
    from router.transport.server_name import server_name

    # First of all: a wrong file is the user's to correct, whether the daemon answers or not.
    context = client_context(options.tls, files=options.files)
    sock = connect_tcp(address.host, address.port, peer, deadline)
    secured = TLSPeer(name=peer, server_name=server_name(address, options.tls), context=context)
    return secured.stream(sock, deadline)
