"""What the sockets of an endpoint have in common: clients that come in, and who each of them is.

A unix socket is for its own user, whom the kernel names. TCP on the loopback is open to everybody on this
machine. TCP elsewhere asks for a certificate, whose name is who the client is; without one only those get in
for whom somebody has said so. What clients want is none of this package's modules' business.
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
    """A client that has come in.

    ``stream`` is connected, with TLS done where there is any; whoever has it closes it. ``who`` separates
    clients: those with the same one may see each other's builds. ``description`` is for messages.
    """

    stream: ByteStream
    who: str
    description: str


@frozen
class Admission:
    """Who is let in by TCP: who has a certificate of ``tls``' CA, else this machine, or all if ``insecure``.

    ``tls`` has the certificate and the key that the endpoint shows as well.
    """

    tls: TLSOptions | None = None
    insecure: bool = False


class Listener(Closing):
    """Lets clients in, one after the other."""

    where: ListenAddress

    @property
    def address(self) -> str:
        """Where clients find it."""
        return str(self.where)

    @abstractmethod
    def accept(self) -> Accepted | None:
        """Wait for the next client and return it; None once ``stop`` was called."""

    @abstractmethod
    def stop(self) -> None:
        """Let nobody in from now on, and end ``accept``, from any thread. Those that are in stay."""
