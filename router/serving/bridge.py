"""The calls that a client's frontend makes to its daemon, and their replay on another one.

Answered calls are recorded, up to a limit. On the next daemon they are repeated one after the other, in the
order of their answers, before unanswered calls and later ones, with that daemon's references. See
``bridge_messages`` for which calls can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from router.errors import ConnectionLostError, RouterError, RpcError
from router.model.frozen import frozen
from router.rpc.events import Headers
from router.rpc.http2 import Http2Error
from router.serving.bridge_messages import CONTAINERS, REPEATED, UNARY, is_failure, paired, translated
from router.serving.gathering import Answer, Gathering, OneMessage
from router.serving.linked import configs_of_result
from router.serving.pipes import Budget, OverrunError
from router.serving.relay import Placed
from router.serving.splice import NOBODY

__all__ = ["BRIDGE", "Bridge", "OtherwiseError"]

BRIDGE = "/moby.buildkit.v1.frontend.LLBBridge/"
"""The prefix of its methods' paths."""

# The limits for one build's record, in bytes and calls. buildx makes a few calls of some 100 KiB.
_LARGEST, _MOST = 16 * 1024 * 1024, 1000


class OtherwiseError(RouterError):
    """Another daemon gives a different answer to a repeated call."""

    default_reason = "different-answer"


@frozen
class _Exchange:
    """An answered call, with the references that the client knows."""

    method: str
    headers: Headers
    request: bytes
    answer: bytes

    @property
    def size(self) -> int:
        return len(self.request) + len(self.answer)


class Bridge:
    """One build's calls. ``hindrance`` is the reason why they can't be repeated, empty if they can.

    ``lost`` is called with an error if the current daemon, ``peer``, can't answer. ``loses`` says whether an
    error in an answer means that the daemon has lost the build. ``open``: the replay is complete, and calls
    can go to the daemon. ``failed``: the frontend has returned an error.
    """

    def __init__(
        self, budget: Budget, lost: Callable[[RouterError], None], loses: Callable[[RpcError], bool]
    ) -> None:
        self.hindrance = ""
        self.open = False
        self.failed = False
        self.peer = ""
        self.lost = lost
        self.loses = loses
        self._budget = budget
        self._told: list[_Exchange] = []
        self._size = 0
        self._ids: Mapping[str, str] = {}
        self._stop: Callable[[], None] = _nothing

    def begins(self, method: str, request: bytes = b"") -> None:
        """Record that the client makes a call."""
        if method in CONTAINERS or method not in UNARY:
            named = "a container" if method in CONTAINERS else f"LLBBridge.{method[:100]}"
            self.hindrance = self.hindrance or f"its client used {named} on the lost daemon"
        elif method == "Return":
            self.failed |= _is_failure(request)

    def translated(self, method: str, request: bytes) -> bytes:
        """Return a client's request with the current daemon's references."""
        try:
            return translated(method, request, self._ids)
        except Http2Error:
            return request  # the daemon will refuse it

    def answered(self, method: str, headers: Headers, request: bytes, answer: Answer) -> None:
        """Record a successful call, if its method is one to repeat."""
        if method not in REPEATED or self.hindrance:
            return
        exchange = _Exchange(method=method, headers=headers, request=request, answer=answer.message)
        self._size += exchange.size
        self._told.append(exchange)
        try:
            self._budget.take(exchange.size)
        except OverrunError:
            pass  # the budget counts it all the same, until ``forget``
        else:
            if self._size <= _LARGEST and len(self._told) <= _MOST:
                return
        self.hindrance = "its frontend had made too many calls to repeat them"
        self.forget()

    @property
    def configs(self) -> frozenset[str]:
        """The digests of the image configs in the results of its frontend, as far as they are recorded."""
        solved = (memoryview(each.answer) for each in self._told if each.method == "Solve")
        return frozenset(config for answer in solved for config in configs_of_result(answer))

    def forget(self) -> None:
        """Drop the record."""
        self._budget.give(self._size)
        self._size = 0
        self._told.clear()

    def replay(self, placed: Placed, then: Callable[[], None]) -> None:
        """Repeat the recorded calls on another daemon, then call ``then``."""
        self.stop()
        self.peer = placed.channel.peer
        self._ids = {}
        self._step(placed, then, 0)

    def stop(self) -> None:
        """Stop a replay: its daemon is lost too."""
        self.open = False
        self._stop()
        self._stop = _nothing

    def _step(self, placed: Placed, then: Callable[[], None], number: int) -> None:
        """Repeat the next call, or finish."""
        self._stop = _nothing
        if number == len(self._told):
            self.open = True
            then()
            return
        exchange, channel = self._told[number], placed.channel
        heard = partial(self._heard, placed, then, number)
        request = self.translated(exchange.method, exchange.request)
        taker = Gathering(exchange.method, channel.peer, self._budget, heard=heard, lost=self.lost)
        try:
            call = channel.begin(exchange.headers, taker, OneMessage(request))
        except ConnectionLostError as exc:
            self.lost(exc)
            return
        channel.end(call)

        def stop() -> None:
            taker.forget()
            call.taker = NOBODY
            channel.cancel(call)

        self._stop = stop

    def _heard(self, placed: Placed, then: Callable[[], None], number: int, answer: Answer) -> None:
        """Compare the answer with the client's, and go on to the next call."""
        exchange = self._told[number]
        if answer.error is not None:
            if not self.loses(answer.error):
                self.lost(_otherwise(placed, exchange.method, f": {answer.error}"))
            return
        pairs = paired(exchange.method, exchange.answer, answer.message)
        if pairs is None:
            self.lost(_otherwise(placed, exchange.method, ""))
            return
        self._ids = {**self._ids, **pairs}
        self._step(placed, then, number + 1)


def _otherwise(placed: Placed, method: str, more: str) -> OtherwiseError:
    return OtherwiseError(f"{placed.daemon.name} answers LLBBridge.{method} differently{more}")


def _is_failure(request: bytes) -> bool:
    try:
        return is_failure(request)
    except Http2Error:
        return False  # the daemon will refuse it


def _nothing() -> None:
    """Do nothing: no replay is in progress."""
