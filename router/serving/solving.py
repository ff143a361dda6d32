"""What a daemon answers to a client's Solve: passed on as it is, but for a build that the daemon has lost."""

from __future__ import annotations

from router.errors import BuildError, ConnectionLostError, OverloadError, RouterError
from router.faults import fault_of
from router.rpc.events import Headers
from router.rpc.grpc import metadata, status_error
from router.serving.relay import Placed
from router.serving.splice import Splice

__all__ = ["Answer"]


class Answer:
    """A Taker that passes all on to a splice, and settles what has become of the build."""

    def __init__(self, splice: Splice, placed: Placed) -> None:
        self._splice = splice
        self._placed = placed

    def on_head(self, headers: Headers) -> None:
        """Pass it on: a build that fails has none."""
        self._splice.on_head(headers)

    def on_data(self, data: memoryview) -> None:
        """Pass it on."""
        self._splice.on_data(data)

    def on_end(self, trailers: Headers) -> None:
        """Pass it on, unless the daemon says that it goes away."""
        error = status_error(metadata(trailers), "Solve")
        match "" if error is None else fault_of(error):
            case "":
                self._splice.on_end(trailers)
                self._placed.settle(None)
            case "lost":
                # The client gets the error of the one who looked for a daemon: it names this one.
                self._placed.settle(self._lost(f"broke off: {error}"))
            case "overload":
                self._splice.on_end(trailers)
                self._placed.settle(OverloadError(f"{self._placed.daemon.name} has no room for it: {error}"))
            case _:
                self._splice.on_end(trailers)
                self._placed.settle(BuildError(f"failed to solve: {error}"))

    def on_reset(self, code: int) -> None:
        """The daemon gave the build up."""
        self._placed.settle(self._lost(f"gave the build up (HTTP/2 code {code})"))

    def on_loss(self, error: RouterError) -> None:
        """The daemon can't be reached any more."""
        self._placed.settle(error)

    def _lost(self, said: str) -> ConnectionLostError:
        return ConnectionLostError(f"{self._placed.daemon.peer} {said}", temporary=True)
