"""The fleet described as one daemon: ListWorkers and Info.

buildx asks for both several times before each build: an answer is reused for some seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from router.serving.answers import Asking, ask_all
from router.serving.inquiry import Inquiry
from router.serving.merging import merged_workers, oldest
from router.serving.peers import Peers
from router.serving.question import Line
from router.solve.answers import info, workers
from router.solve.control import INFO

__all__ = ["FleetInfo"]

_LIST_WORKERS = "/moby.buildkit.v1.Control/ListWorkers"
# Seconds for which an answer is reused.
_HOLDS = 5.0


class FleetInfo:
    """Answers from the daemons that are available; safe for threads."""

    def __init__(self, peers: Peers) -> None:
        self._workers = _Lately(peers, _LIST_WORKERS, workers, merged_workers)
        self._info = _Lately(peers, INFO, info, oldest)

    def list_workers(self, call: Inquiry) -> None:
        """Answer with the workers of all daemons: clients combine their platforms."""
        self._workers.answer(call)

    def info(self, call: Inquiry) -> None:
        """Answer with the oldest BuildKit's version."""
        self._info.answer(call)


class _Lately:
    """One method, and its last answer."""

    def __init__(
        self,
        peers: Peers,
        method: str,
        check: Callable[[bytes], object],
        merge: Callable[[Sequence[bytes]], bytes],
    ) -> None:
        self._peers = peers
        self._method = method
        self._check = check
        self._merge = merge
        self._asking = threading.Lock()
        self._answer = b""
        self._until = 0.0

    def answer(self, call: Inquiry) -> None:
        """Answer from the daemons, or reuse a recent answer to the same request, the empty one."""
        if call.request:  # a filter, which is rare
            call.emit(self._ask(call))
            return
        with self._asking:  # several clients at once share one question
            if time.monotonic() >= self._until:
                self._answer = self._ask(call)
                self._until = time.monotonic() + _HOLDS
            answer = self._answer
        call.emit(answer)

    def _ask(self, call: Inquiry) -> bytes:
        def ask(line: Line) -> None:
            answer = line.unary(self._method, call.request)
            self._check(answer)
            line.tell(answer)

        answers = ask_all(self._peers, self._peers.daemons(), Asking(task=ask), call.cancellation)
        answers.check()
        return self._merge(answers.messages)
