"""The common part of an endpoint's sockets: clients that connect, and the identity of each.

A unix socket is for its own user, as reported by the kernel. TCP on the loopback is open to everybody on this
machine. TCP elsewhere requires a certificate, whose name identifies the client; clients without one are
accepted only with ``insecure``. These modules don't know what clients ask for.
"""

from __future__ import annotations

from abc import abstractmethod

from router.closing import Closing
from router.flags.listen import ListenAddress
from router.model.frozen import frozen
from router.model.tls import TLSOptions
from router.net.stream import ByteStream

__all__ = ["Accepted", "Admission", "Listener"]


@frozen
class Accepted:
    """A client that has connected.

    ``stream`` is connected, with any TLS handshake done; its owner closes it. ``who`` identifies the client:
    clients with the same one may see each other's builds. ``description`` is for messages.
    """

    stream: ByteStream
    who: str
    description: str


@frozen
class Admission:
    """Clients accepted by TCP: with a certificate of ``tls``' CA, else of this machine, or all if
    ``insecure``.

    ``tls`` also has the endpoint's own certificate and key.
    """

    tls: TLSOptions | None = None
    insecure: bool = False


class Listener(Closing):
    """Accepts clients, one after the other."""

    where: ListenAddress

    @property
    def address(self) -> str:
        """The address for clients."""
        return str(self.where)

    @abstractmethod
    def accept(self) -> Accepted | None:
        """Wait for the next client and return it; None once ``stop`` was called."""

    @abstractmethod
    def stop(self) -> None:
        """Accept no more clients, and end ``accept``, from any thread. Connected clients stay."""
