"""TLS for clients: the handshake, and the ByteStream over it.

Turns OpenSSL's codes into words. Which address uses TLS is decided elsewhere.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping, Sequence

from router.errors import ConnectionLostError, DialError
from router.model.frozen import frozen
from router.net.buffers import chunks
from router.net.deadline import Deadline
from router.net.sockets import describe_os_error, lost
from router.net.stream import Buffer

__all__ = ["TLSPeer", "TLSStream", "describe_tls_error"]

# A record holds at most 16 KiB; reading several in one call saves calls.
_CHUNK = 1 << 16

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_NOT_YET_VALID, _EXPIRED, _WRONG_NAME, _WRONG_IP = 9, 10, 62, 64

_NO_TLS = ("it does not speak TLS", "drop the --tls options, or check the port")
_PAIR_HINT = "pass --tls-cert and --tls-key, signed by a CA that the server trusts"
_PAIR_REFUSED = ("it refused the client certificate", _PAIR_HINT)
# OpenSSL's name of an alert or a broken record: its meaning, and what to do.
_REASONS: Mapping[str, tuple[str, str | None]] = {
    "WRONG_VERSION_NUMBER": _NO_TLS,
    "PACKET_LENGTH_TOO_LONG": _NO_TLS,
    "HTTP_REQUEST": _NO_TLS,
    "RECORD_LAYER_FAILURE": _NO_TLS,
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": ("it requires a client certificate", _PAIR_HINT),
    "SSLV3_ALERT_BAD_CERTIFICATE": _PAIR_REFUSED,
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": _PAIR_REFUSED,
    "TLSV1_ALERT_DECRYPT_ERROR": _PAIR_REFUSED,
    "TLSV1_ALERT_UNKNOWN_CA": ("it does not know the client certificate's CA", _PAIR_HINT),
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": ("the client certificate has expired", "renew it (--tls-cert)"),
    "TLSV1_ALERT_PROTOCOL_VERSION": ("it speaks only versions of TLS that are too old", None),
}


@frozen
class TLSPeer:
    """The far end of TLS: ``name`` for errors, ``server_name`` for the certificate check.

    ``advice`` replaces the hints that name warmroute's own TLS options.
    """

    name: str
    server_name: str
    context: ssl.SSLContext
    advice: str | None = None

    def handshake(self, sock: socket.socket, deadline: Deadline) -> ssl.SSLSocket:
        """Do the handshake on a connected socket, which then belongs to the result. Raises DialError."""
        try:
            sock.settimeout(deadline.remaining())
            # As bytes it skips the IDNA codec, whose import takes longer than the handshake.
            name = self.server_name.encode() if self.server_name.isascii() else self.server_name
            secured = self.context.wrap_socket(sock, server_hostname=name, do_handshake_on_connect=False)
        except (OSError, ValueError) as exc:
            sock.close()
            raise DialError(f"TLS with {self.name} failed: {exc}", temporary=True) from exc
        try:
            secured.do_handshake()
        except OSError as exc:
            secured.close()
            raise self.dial_error(exc) from exc
        return secured

    def stream(self, sock: socket.socket, deadline: Deadline) -> TLSStream:
        """Do the handshake and return the stream. Raises DialError."""
        return TLSStream(self.handshake(sock, deadline), self.name)

    def dial_error(self, exc: OSError) -> DialError:
        """Return the error for a handshake that failed."""
        why, hint = describe_tls_error(exc, self.server_name)
        reason = "timeout" if isinstance(exc, TimeoutError) else "tls"
        advice = self.advice or hint
        return DialError(f"TLS with {self.name} failed: {why}", hint=advice, reason=reason, temporary=True)


class TLSStream:
    """A ByteStream over a TLS socket that it owns, whose handshake is done.

    OpenSSL requires that a write that did not fit is repeated with the same bytes, so such bytes are held
    here, at most 64 KiB of them, and count as sent.
    """

    def __init__(self, sock: ssl.SSLSocket, peer: str, *, received: bytes = b"") -> None:
        sock.setblocking(False)
        self._socket = sock
        self._peer = peer
        self._received = received
        self._held = b""

    def __repr__(self) -> str:
        state = "closed" if self._socket.fileno() < 0 else "open"
        return f"<TLSStream {self._peer} {state}>"

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def recv(self) -> bytes | None:
        """Return what has arrived, at most one record. Raises ConnectionLostError."""
        if self._received:
            data, self._received = self._received, b""
            return data
        try:
            return self._socket.recv(_CHUNK)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # A peer that closes without TLS's close_notify has closed all the same.
            return b""
        except OSError as exc:
            raise _lost(self._peer, exc) from exc

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Encrypt and send as much as fits. Raises ConnectionLostError."""
        self.flush()
        if self._held:
            return 0
        taken = 0
        for chunk in chunks(buffers, _CHUNK):
            self._held = chunk
            taken += len(chunk)
            self.flush()
            if self._held:
                break
        return taken

    def pending(self) -> bool:
        """Say whether decrypted bytes wait that were already read from the socket."""
        return bool(self._received) or self._socket.pending() > 0

    def wants_write(self) -> bool:
        """Say whether bytes that count as sent are still held."""
        return bool(self._held)

    def flush(self) -> None:
        """Send the held bytes if they fit now. Raises ConnectionLostError."""
        if not self._held:
            return
        try:
            self._socket.send(self._held)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        except OSError as exc:
            raise _lost(self._peer, exc) from exc
        self._held = b""

    def finish(self) -> bool:
        """Return False: close_notify of Python's TLS ends both directions."""
        return False

    def close(self) -> None:
        """Close the socket, without waiting for the far end's close_notify."""
        self._socket.close()


def describe_tls_error(exc: OSError, server_name: str = "") -> tuple[str, str | None]:
    """Return the reason why TLS failed, and a hint if one is known."""
    if isinstance(exc, ssl.SSLCertVerificationError):
        return _describe_verification(server_name, exc)
    if isinstance(exc, ssl.SSLEOFError | ssl.SSLZeroReturnError | ConnectionResetError):
        return (
            "it closed the connection during the handshake",
            "check that the port speaks TLS; it may require a client certificate (--tls-cert, --tls-key)",
        )
    if isinstance(exc, ssl.SSLError):
        return _REASONS.get(exc.reason or "", (f"a TLS error ({exc.reason or exc})", None))
    return describe_os_error(exc), None


def _lost(peer: str, exc: OSError) -> ConnectionLostError:
    if not isinstance(exc, ssl.SSLError):
        return lost(peer, exc)
    if isinstance(exc, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return ConnectionLostError(f"lost the connection to {peer}: it was closed", temporary=True)
    why, hint = describe_tls_error(exc)
    message = f"lost the connection to {peer}: {why}"
    return ConnectionLostError(message, hint=hint, reason="tls", temporary=True)


def _describe_verification(server_name: str, exc: ssl.SSLCertVerificationError) -> tuple[str, str | None]:
    match exc.verify_code:
        case code if code in {_WRONG_NAME, _WRONG_IP}:
            return (
                f'its certificate is not valid for "{server_name}"',
                "set --tls-server-name to a name in the certificate",
            )
        case code if code == _EXPIRED:
            return (
                "its certificate has expired",
                "renew the server's certificate, or correct this machine's clock",
            )
        case code if code == _NOT_YET_VALID:
            return "its certificate is not valid yet", "check this machine's clock"
        case _:
            return (
                f"its certificate is not trusted ({exc.verify_message})",
                "pass the CA that signed it with --tls-ca",
            )
