"""Where an engine that connects to sockets only finds a daemon: any other stream becomes a socket."""

from __future__ import annotations

import threading
from urllib.parse import quote

from router.cancellation import Cancellation
from router.closing import Closing
from router.errors import RouterError
from router.model.address import Address, TcpAddress, UnixAddress
from router.net.private_socket import PrivateSocket
from router.net.relay import relay
from router.net.sockets import SocketStream
from router.net.stream import ByteStream
from router.transport import dial
from router.transport.options import DialOptions

__all__ = ["Bridge", "target_of"]


def target_of(address: Address, options: DialOptions) -> tuple[str, Bridge | None]:
    """Return an address in gRPC's name syntax, and the bridge that carries it, if any; the caller closes it.

    https://github.com/grpc/grpc/blob/master/doc/naming.md. A bridge is dialled, with what ``dial`` raises.
    """
    match address:
        case TcpAddress(host=host, port=port):
            return f"dns:///[{host}]:{port}" if ":" in host else f"dns:///{host}:{port}", None
        case UnixAddress(path=path) if path.startswith("@"):
            return f"unix-abstract:{quote(path[1:])}", None
        case UnixAddress(path=path):
            return f"unix:{quote(path)}", None
        case _:
            bridge = Bridge(dial(address, options))
            return f"unix:{quote(bridge.path)}", bridge


class Bridge(Closing):
    """Carries one connection to ``path`` over a stream, which it owns.

    The path is gone once it was connected to: a client that connects again is refused. ``fault`` is what
    ended the stream, known before the client hears of the end.
    """

    def __init__(self, stream: ByteStream) -> None:
        self.fault: RouterError | None = None
        self._stream = stream
        self._stop = Cancellation()
        self._listening = PrivateSocket()
        self.path = self._listening.path
        self._thread = threading.Thread(target=self._carry, name="bridge", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cut the connection, and close the stream."""
        self._stop.cancel("closed")
        self._listening.interrupt()
        self._thread.join()
        self._listening.close()
        self._stream.close()
        self._stop.close()

    def _carry(self) -> None:
        try:
            client = SocketStream(self._listening.accept(), "grpcio")
        except OSError:
            return  # closed before anybody came
        self._listening.close()
        try:
            relay(client, self._stream, cancellation=self._stop)
        except RouterError as exc:
            self.fault = exc
        finally:
            client.close()
