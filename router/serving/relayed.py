"""One daemon's answer to a call, passed on as it arrives."""

from __future__ import annotations

from router.model.daemon import Daemon
from router.serving.answers import refusal
from router.serving.inquiry import Inquiry
from router.serving.peers import Peers
from router.serving.question import Line, Question

__all__ = ["relay"]


def relay(peers: Peers, daemon: Daemon, method: str, call: Inquiry) -> None:
    """Repeat the client's call on a daemon that has just answered, and pass the messages on unread.

    Raises ``CallRefused`` with the daemon's final status, ``CancelledError``.
    """

    def follow(line: Line) -> None:
        line.follow(method, call.request, line.tell)

    with Question(peers, follow, call.cancellation) as question:
        question.ask((daemon,))
        while (told := question.hear()) is not None:
            if not told.over:
                call.emit(told.message)
                continue
            peers.noted(daemon, told.error)
            if told.error is not None:
                raise refusal([(daemon, told.error)])
