"""One question to many daemons, and their answers.

A silent daemon is waited for until its deadline, and doesn't fail the question.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from router.cancellation import Cancellation
from router.errors import DialError, RouterError, RpcError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.rpc.grpc import NotGrpcError, Status
from router.serving.peers import Peers
from router.serving.question import Question, Task, Told
from router.session.server import CallRefused

__all__ = ["Answers", "Asking", "Failed", "ask_all", "causes", "listed", "refusal"]

# The limit for one daemon: a history has some hundreds of records of a few kilobytes, a cache some thousands.
_MOST_BYTES = 64 << 20
_COST_OF_A_MESSAGE = 1000
# Added to the deadline of a daemon's thread: looking up a name can't be interrupted.
_LATE = 0.3
# The number of texts in an error's list.
_NAMED = 5

Failed = tuple[Daemon, RouterError]
"""A daemon that did not answer, and the error."""


@frozen
class Asking:
    """What to ask the daemons: ``task`` runs in a thread for each.

    ``longest`` is the limit in seconds for all of it, None for that of a first answer. One ``wanted`` message
    is enough: the other daemons then get ``grace`` more seconds, and those ``known`` to have it are asked
    before all others. With ``all``, daemons that were just silent are asked too.
    """

    task: Task
    longest: float | None = None
    wanted: Callable[[bytes], bool] | None = None
    grace: float = 0.0
    known: tuple[Daemon, ...] = ()
    all: bool = False


@frozen
class Answers:
    """The messages of each daemon that answered, and the errors of the others; in the fleet's order.

    Daemons that were not waited for are in neither.
    """

    said: tuple[tuple[Daemon, tuple[bytes, ...]], ...] = ()
    failed: tuple[Failed, ...] = ()

    @property
    def messages(self) -> tuple[bytes, ...]:
        """All messages, in the daemons' order."""
        return tuple(message for _, messages in self.said for message in messages)

    def check(self) -> None:
        """Raise ``CallRefused`` if no daemon answered."""
        if not self.said:
            raise refusal(self.failed)


def ask_all(peers: Peers, daemons: Sequence[Daemon], asking: Asking, cancellation: Cancellation) -> Answers:
    """Return the daemons' answers. Raises ``CancelledError``."""
    if not asking.known:
        return _ask(peers, daemons, asking, cancellation)
    first = _ask(peers, asking.known, asking, cancellation)
    if asking.wanted is None or any(map(asking.wanted, first.messages)):
        return first
    silent = {daemon.name for daemon, _ in first.failed}
    rest = [each for each in daemons if each.name not in silent]
    then = _ask(peers, rest, asking, cancellation)
    return Answers(said=then.said, failed=(*first.failed, *then.failed))


def _ask(peers: Peers, daemons: Sequence[Daemon], asking: Asking, cancellation: Cancellation) -> Answers:
    gathered = _Gathered(peers)
    asked = daemons if asking.all else peers.awake(daemons)
    found = False
    end = time.monotonic() + (peers.patience if asking.longest is None else asking.longest) + _LATE
    with Question(peers, asking.task, cancellation) as question:
        question.ask(asked)
        while (told := question.hear(end)) is not None:
            gathered.take(told)
            if asking.wanted is not None and not told.over and asking.wanted(told.message):
                found = True
                end = min(end, time.monotonic() + asking.grace)
        silent = question.talking
    if found:
        gathered.close()
    else:
        for daemon in silent:
            gathered.miss(daemon, _late(daemon))
    return gathered.answers(asked)


class _Gathered:
    """The answers so far."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        self._parts: dict[str, list[bytes]] = {}
        self._left: dict[str, int] = {}
        self._said: dict[str, tuple[bytes, ...]] = {}
        self._failed: dict[str, RouterError] = {}

    def take(self, told: Told) -> None:
        """Take one message, or the end of an answer."""
        name = told.daemon.name
        if told.over:
            self._end(told)
            return
        self._left[name] = self._left.get(name, _MOST_BYTES) - len(told.message) - _COST_OF_A_MESSAGE
        if self._left[name] >= 0:
            self._parts.setdefault(name, []).append(told.message)
        else:
            self._parts.pop(name, None)

    def close(self) -> None:
        """Keep the messages of daemons that had not finished their answers."""
        for name, parts in self._parts.items():
            self._said[name] = tuple(parts)

    def miss(self, daemon: Daemon, error: RouterError) -> None:
        """Note a daemon that did not answer."""
        self._failed[daemon.name] = error
        self._peers.noted(daemon, error)

    def answers(self, daemons: Sequence[Daemon]) -> Answers:
        """Return all answers."""
        return Answers(
            said=tuple((each, self._said[each.name]) for each in daemons if each.name in self._said),
            failed=tuple((each, self._failed[each.name]) for each in daemons if each.name in self._failed),
        )

    def _end(self, told: Told) -> None:
        name = told.daemon.name
        parts = self._parts.pop(name, [])
        if told.error is not None:
            self.miss(told.daemon, told.error)
        elif self._left.get(name, 0) < 0:
            much = f"{name} answered with more than {_MOST_BYTES >> 20} MiB"
            self.miss(told.daemon, RpcError(much, code=Status.RESOURCE_EXHAUSTED))
        else:
            self._peers.noted(told.daemon)
            self._said[name] = tuple(parts)


def refusal(failed: Sequence[Failed]) -> CallRefused:
    """Return the client's error if no daemon answered: a daemon's status, or the silent daemons."""
    statuses = [error for _, error in failed if isinstance(error, RpcError) and _of_the_daemon(error)]
    # A daemon that doesn't know the method says nothing about the request.
    told = next((each for each in statuses if each.code != Status.UNIMPLEMENTED), None)
    if told is None and statuses:
        told = statuses[0]
    if told is not None:
        return CallRefused(told.code, str(told))
    return CallRefused(Status.UNAVAILABLE, f"no daemon answered: {causes(failed)}")


def causes(failed: Sequence[Failed]) -> str:
    """Return one line with each daemon's name and why it did not answer."""
    return listed((daemon.naming(str(error)) for daemon, error in failed), "; ")


def listed(texts: Iterable[str], separator: str = ", ") -> str:
    """Return the first texts in one line, and how many more there are."""
    every = tuple(texts)
    more = (f"and {len(every) - _NAMED} more",) if len(every) > _NAMED else ()
    return separator.join((*every[:_NAMED], *more))


def _of_the_daemon(error: RpcError) -> bool:
    return error.code != Status.UNAVAILABLE and not isinstance(error, NotGrpcError)


def _late(daemon: Daemon) -> DialError:
    return DialError(f"{daemon.peer} did not answer in time", reason="timeout", temporary=True)
