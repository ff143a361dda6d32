"""TLS over a stream that isn't a socket, such as a forwarded port."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from router.errors import ConnectionLostError
from router.net.buffers import chunks, without
from router.net.deadline import Deadline
from router.net.stream import Buffer, ByteStream
from router.net.tls import TLSPeer, describe_tls_error
from router.net.waiting import flush, wait

__all__ = ["TLSLayer", "secure"]

_CHUNK = 1 << 16
_MOST_HELD = 1 << 18


def secure(inner: ByteStream, peer: TLSPeer, deadline: Deadline) -> TLSLayer:
    """Do the handshake over ``inner``, which the result then owns. Raises DialError."""
    layer = TLSLayer(inner, peer)
    try:
        layer.handshake(deadline)
    except OSError as exc:
        layer.close()
        raise peer.dial_error(exc) from exc
    except ConnectionLostError as exc:
        layer.close()
        raise peer.dial_error(ConnectionResetError(str(exc))) from exc
    except BaseException:
        layer.close()
        raise
    return layer


class TLSLayer:
    """A ByteStream over another one, which it owns. Encrypted bytes that do not fit count as sent."""

    def __init__(self, inner: ByteStream, peer: TLSPeer) -> None:
        self._inner = inner
        self._peer = peer.name
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = peer.context.wrap_bio(self._incoming, self._outgoing, server_hostname=peer.server_name)
        self._held: list[Buffer] = []

    def __repr__(self) -> str:
        return f"<TLSLayer {self._peer} over {self._inner!r}>"

    def handshake(self, deadline: Deadline) -> None:
        """Do the handshake. Raises OSError (TimeoutError past the deadline), DialError."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._push(deadline)
                self._pull(deadline)
            except OSError:
                self.flush()  # the alert with our reason
                raise
            else:
                self._push(deadline)
                return

    def fileno(self) -> int:
        """Return the descriptor of the stream below."""
        return self._inner.fileno()

    def recv(self) -> bytes | None:
        """Return what has arrived. Raises ConnectionLostError, DialError."""
        output = self._decrypted()
        if output is not None:
            return output
        data = self._inner.recv()
        if not data:
            return data
        # Once: a peer that sends empty records would keep a loop here busy past every deadline.
        self._incoming.write(data)
        return self._decrypted()

    def _decrypted(self) -> bytes | None:
        """Return decrypted bytes, None if more must arrive first."""
        try:
            return self._tls.read(_CHUNK)
        except ssl.SSLWantReadError:
            return None
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
        except ssl.SSLError as exc:
            raise self._lost(exc) from exc

    def send(self, buffers: Sequence[Buffer]) -> int:
        """Encrypt as much as fits and send as much as possible now. Raises ConnectionLostError, DialError."""
        self.flush()
        taken = 0
        if self._held:
            return taken
        for chunk in chunks(buffers, _CHUNK):
            try:
                self._tls.write(chunk)
            except ssl.SSLError as exc:
                raise self._lost(exc) from exc
            taken += len(chunk)
            if self._outgoing.pending >= _MOST_HELD:
                break
        self.flush()
        return taken

    def pending(self) -> bool:
        """Say whether ``recv`` has bytes although the descriptor may not be readable."""
        return self._tls.pending() > 0 or self._incoming.pending > 0 or self._inner.pending()

    def wants_write(self) -> bool:
        """Say whether encrypted bytes are held."""
        return bool(self._held) or self._outgoing.pending > 0 or self._inner.wants_write()

    def flush(self) -> None:
        """Send held bytes, as many as fit. Raises ConnectionLostError, DialError."""
        self._inner.flush()
        if self._outgoing.pending:
            self._held.append(self._outgoing.read())
        if self._held:
            self._held = without(self._held, self._inner.send(self._held))

    def finish(self) -> bool:
        """Return False: TLS's close_notify ends both directions."""
        return False

    def close(self) -> None:
        """Close the stream below, without close_notify."""
        self._inner.close()

    def _lost(self, exc: ssl.SSLError) -> ConnectionLostError:
        why, hint = describe_tls_error(exc)
        message = f"lost the connection to {self._peer}: {why}"
        return ConnectionLostError(message, hint=hint, reason="tls", temporary=True)

    def _push(self, deadline: Deadline) -> None:
        self.flush()
        flush(self, deadline)

    def _pull(self, deadline: Deadline) -> None:
        while (data := self._inner.recv()) is None:
            wait(self._inner, deadline, writing=self._inner.wants_write())
            self._inner.flush()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
