"""A TCP port that requires a certificate: handshakes run in parallel, so a slow client delays no other."""

from __future__ import annotations

import queue
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from socket import socket

from router.model.address import TcpAddress
from router.net.sockets import describe_os_error
from router.net.tcp import prepare_tcp
from router.net.tls import TLSStream
from router.serving.accepting import ListeningSocket
from router.serving.certificate_name import certificate_name
from router.serving.listener import Accepted, Listener

__all__ = ["TLSListener"]

_PATIENCE = 10.0
# Handshakes in progress; further ones wait in the kernel's queue.
_MOST = 64

_NO_TLS = "it does not speak TLS"
_REASONS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it sent no certificate",
    "HTTP_REQUEST": _NO_TLS,
    "HTTPS_PROXY_REQUEST": _NO_TLS,
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "UNSUPPORTED_PROTOCOL": "it speaks only versions of TLS that are too old",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the CA of this endpoint's certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it refused this endpoint's certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it refused this endpoint's certificate",
}


class TLSListener(Listener):
    """Accepts clients with a certificate that the context trusts; its name identifies the client."""

    def __init__(
        self, sock: ListeningSocket, where: TcpAddress, context: ssl.SSLContext, tell: Callable[[str], None]
    ) -> None:
        self.where = where
        self._socket = sock
        self._context = context
        self._tell = tell
        self._admitted: queue.SimpleQueue[Accepted | None] = queue.SimpleQueue()
        self._room = threading.BoundedSemaphore(_MOST)
        self._thread = threading.Thread(target=self._run, name="accept", daemon=True)
        self._thread.start()

    def accept(self) -> Accepted | None:
        """Wait for the next client with a valid certificate."""
        accepted = self._admitted.get()
        if accepted is None:
            self._admitted.put(None)  # for the next call
        return accepted

    def stop(self) -> None:
        """Accept no more clients."""
        self._socket.stop()

    def close(self) -> None:
        """Close the socket, and the connections that were not accepted yet."""
        self._socket.stop()
        self._thread.join()
        self._socket.close()
        self._leave_none()

    def _leave_none(self) -> None:
        with suppress(queue.Empty):
            while True:
                if (accepted := self._admitted.get_nowait()) is not None:
                    accepted.stream.close()

    def _run(self) -> None:
        while (connection := self._socket.accept()) is not None:
            self._room.acquire()
            threading.Thread(target=self._admit, args=(connection,), name="handshake", daemon=True).start()
        self._admitted.put(None)

    def _admit(self, connection: socket) -> None:
        host = "a client"
        try:
            host, port = connection.getpeername()[:2]
            self._admitted.put(self._accepted(connection, host, port))
        except (ConnectionError, ssl.SSLEOFError):
            connection.close()  # it has disconnected, as a port check does
        except OSError as exc:
            connection.close()
            self._tell(f"refused {host}: {_described(exc)}")
        finally:
            self._room.release()
            if self._socket.stopped:
                self._leave_none()
                self._admitted.put(None)

    def _accepted(self, connection: socket, host: str, port: int) -> Accepted:
        """Do the handshake, within its deadline. Raises OSError."""
        prepare_tcp(connection)
        connection.settimeout(_PATIENCE)
        secured = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        try:
            secured.do_handshake()
            name = certificate_name(secured)
        except BaseException:
            secured.close()
            raise
        description = f"{name} ({host} port {port})"
        return Accepted(
            stream=TLSStream(secured, description), who=f"certificate {name}", description=description
        )


def _described(exc: OSError) -> str:
    if isinstance(exc, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({exc.verify_message})"
    if isinstance(exc, ssl.SSLError):
        return _REASONS.get(exc.reason or "", f"the TLS handshake failed ({exc.reason or exc})")
    return describe_os_error(exc) if exc.errno or isinstance(exc, TimeoutError) else str(exc)
