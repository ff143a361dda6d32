"""Calls whose bytes pass unread, for whoever stands between a client and a daemon."""

from __future__ import annotations

from typing import Protocol

from router.errors import RouterError, RpcError
from router.rpc.contract import RpcCall
from router.rpc.events import Headers
from router.rpc.grpc import Status
from router.rpc.streams import Source

__all__ = ["RawCall", "RawCaller", "Taker"]


class Taker(Protocol):
    """Takes what is answered to a call, in the thread that drives its connection. The views stay valid."""

    def on_head(self, headers: Headers) -> None:
        """The answer begins."""

    def on_data(self, data: memoryview) -> None:
        """More of the answer."""

    def on_end(self, trailers: Headers) -> None:
        """The answer is complete. Trailers that come alone are the head as well."""

    def on_reset(self, code: int) -> None:
        """The peer gave the call up; ``code`` is of RFC 9113, section 7."""

    def on_loss(self, error: RouterError) -> None:
        """The call is over because its connection is, or takes no more calls."""


class RawCall(RpcCall):
    """One call. ``taker`` may be another one from some moment on."""

    def __init__(self, method: str, taker: Taker) -> None:
        super().__init__(method)
        self.taker = taker

    def on_headers(self, headers: Headers, *, ended: bool) -> None:
        """Take a header block."""
        if ended:
            self._end(headers)
        elif not _is_informational(headers):
            self.taker.on_head(headers)

    def on_data(self, data: memoryview, *, ended: bool) -> None:
        """Take bytes of the answer."""
        if data:
            self.taker.on_data(data)
        if ended:
            self._end(())

    def on_reset(self, code: int, why: str, peer: str) -> None:
        """Take the end that is none."""
        if not self.done:
            super().finish(
                RpcError(f"{peer}: {self.method}: {why or f'reset ({code})'}", code=Status.UNAVAILABLE)
            )
            self.taker.on_reset(code)

    def finish(self, error: RouterError | None) -> None:
        """Note how the call ended; the first word counts."""
        if not self.done:
            super().finish(error)
            if error is not None:
                self.taker.on_loss(error)

    def _end(self, trailers: Headers) -> None:
        if not self.done:
            super().finish(None)
            self.taker.on_end(trailers)


class RawCaller(Protocol):
    """Where such calls go to: a daemon, or the session of a client."""

    def begin(self, headers: Headers, taker: Taker, source: Source) -> RawCall:
        """Begin a call with these headers as they are; its bytes are pulled from ``source``. Raises
        ``ConnectionLostError`` where the peer takes no more calls."""

    def end(self, call: RpcCall, /) -> None:
        """Close our side once the source has nothing more."""

    def cancel(self, call: RpcCall, /) -> None:
        """Give the call up."""

    def hold(self, call: RpcCall, /, *, held: bool) -> None:
        """Let the peer pause with its answer, or go on."""


def _is_informational(headers: Headers) -> bool:
    return any(name == b":status" and value[:1] == b"1" for name, value in headers)
