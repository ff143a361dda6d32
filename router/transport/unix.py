"""Dial ``unix://``: a socket on this machine."""

from __future__ import annotations

from router.model.address import UnixAddress
from router.net.sockets import SocketStream
from router.net.stream import ByteStream
from router.net.unix import connect_unix
from router.transport.options import DialOptions

__all__ = ["dial_unix"]


def dial_unix(address: UnixAddress, options: DialOptions) -> ByteStream:
    """Connect to the socket. Raises DialError."""
    peer = str(address)
    return SocketStream(connect_unix(address.path, peer, options.timeout), peer)
