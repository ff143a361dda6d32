"""Where an engine that connects by itself finds a daemon: any stream becomes a socket, for one connection."""

from __future__ import annotations

import threading
from urllib.parse import quote

from router.cancellation import Cancellation
from router.closing import Closing
from router.errors import RouterError
from router.net.private_socket import PrivateSocket
from router.net.relay import relay
from router.net.sockets import SocketStream
from router.net.stream import ByteStream

__all__ = ["Bridge"]


class Bridge(Closing):
    """Carries one connection to ``target`` over a stream, which it owns.

    ``target`` is in gRPC's name syntax (https://github.com/grpc/grpc/blob/master/doc/naming.md). Its path is
    gone once it was connected to: a client that connects again is refused. ``fault`` is what ended the
    stream, known before the client hears of the end.
    """

    def __init__(self, stream: ByteStream) -> None:
        self.fault: RouterError | None = None
        self._stream = stream
        self._stop = Cancellation()
        self._listening = PrivateSocket()
        self.target = f"unix:{quote(self._listening.path)}"
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
