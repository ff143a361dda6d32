"""The sockets of an endpoint: those that it opens, and those that it inherited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from socket import socket

from router.errors import UsageError
from router.flags.listen import ListenAddress
from router.model.address import TcpAddress, UnixAddress
from router.serving.inherited import listen_inherited
from router.serving.listener import Admission, Listener
from router.serving.tcp_listening import listen_tcp
from router.serving.unix_listening import listen_unix

__all__ = ["listen_on"]


def listen_on(
    addresses: Sequence[ListenAddress],
    inherited: Sequence[socket],
    admission: Admission,
    tell: Callable[[str], None],
) -> tuple[Listener, ...]:
    """Listen on addresses, and on inherited sockets; the caller closes the listeners.

    ``tell`` hears, from any thread, why a client was refused. Raises ``UsageError`` if listening there is not
    allowed, ``RouterError`` if the address is in use; then all are closed.
    """
    if not addresses and not inherited:
        raise UsageError("there is nothing to listen on", hint="--listen unix://PATH or tcp://HOST:PORT")
    with ExitStack() as opened:
        for sock in inherited:
            opened.callback(sock.close)
        found: list[Listener] = []
        for address in addresses:
            match address:
                case UnixAddress(path=path):
                    listeners: Sequence[Listener] = [listen_unix(path, tell)]
                case TcpAddress():
                    listeners = listen_tcp(address, admission, tell)
            found += map(opened.enter_context, listeners)
        found += [opened.enter_context(listen_inherited(sock, admission, tell)) for sock in inherited]
        opened.pop_all()
    return tuple(found)
