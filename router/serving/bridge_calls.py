"""The calls of a client's frontend: unary ones, which can be repeated, and streams."""

from __future__ import annotations

from router.errors import ConnectionLostError
from router.rpc.events import Headers
from router.rpc.http2 import Http2Connection
from router.rpc.raw import Taker
from router.rpc.streams import Source
from router.serving.bridge import BRIDGE, Bridge
from router.serving.gathering import Answer, Gathering, OneMessage
from router.serving.pipes import Budget
from router.serving.splice import Splice

__all__ = ["BridgeCall", "BridgeStream", "method_of"]


def method_of(headers: Headers) -> str:
    """Return the name of the LLBBridge method in a call's headers."""
    path = next((value for name, value in headers if name == b":path"), b"")
    return path.decode("ascii", "replace").removeprefix(BRIDGE)


class BridgeStream(Splice):
    """A stream, such as a process in a container, or a call of an unknown method."""

    def join(self, bridge: Bridge) -> None:
        """Attach the call to its build."""
        bridge.begins(method_of(self.headers))


class BridgeCall(Splice):
    """A unary call with its packed ``request``; ``join`` comes before ``connect``."""

    repeatable = True

    def __init__(
        self, near: Http2Connection, stream_id: int, headers: Headers, budget: Budget, request: bytes
    ) -> None:
        super().__init__(near, stream_id, headers, budget)
        self.method = method_of(headers)
        self._message = request
        self._bridge: Bridge | None = None
        self._ended = True
        self._budget = budget
        self._kept = len(request)
        budget.take(self._kept)

    def join(self, bridge: Bridge) -> None:
        """Attach the call to its build."""
        self._bridge = bridge
        bridge.begins(self.method, self._message)

    def receive(self, data: memoryview, *, ended: bool) -> None:
        """Ignore it: the request is complete."""

    def drop(self) -> None:
        """Cancel the call, or forget it once it has been answered."""
        super().drop()
        self._release()

    def on_end(self, trailers: Headers) -> None:
        """Pass the end of the answer on."""
        super().on_end(trailers)
        self._release()

    def heard(self, answer: Answer) -> None:
        """Pass the answer on, unless it says that the daemon has lost the build."""
        bridge = self._joined
        if answer.error is None:
            bridge.answered(self.method, self.headers, self._message, answer)
        elif bridge.loses(answer.error):
            return
        answer.pass_on(self)

    @property
    def _joined(self) -> Bridge:
        assert self._bridge is not None
        return self._bridge

    def _request(self) -> Source:
        return OneMessage(self._joined.translated(self.method, self._message))

    def _taker(self) -> Taker:
        bridge = self._joined
        return Gathering(self.method, bridge.peer, self._budget, heard=self.heard, lost=bridge.lost)

    def _refused(self, error: ConnectionLostError) -> None:
        self._joined.lost(error)

    def _release(self) -> None:
        self._budget.give(self._kept)
        self._kept = 0
