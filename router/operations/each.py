"""One question to each daemon of a fleet: all at once, each with a deadline of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from router.cancellation import Cancellation
from router.errors import ConnectionLostError, RouterError, RpcError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.rpc import open_channel
from router.rpc.grpc import Status
from router.solve.control import Control
from router.transport.options import DialOptions

__all__ = ["Answer", "ask_each", "ask_one", "at_once"]

_AT_ONCE = 32
_Value = TypeVar("_Value")


@frozen
class Answer(Generic[_Value]):
    """The answer of one daemon; ``error`` is set where it gave none."""

    daemon: Daemon
    value: _Value | None = None
    error: RouterError | None = None


def ask_each(
    daemons: Sequence[Daemon], options: DialOptions, question: Callable[[Control, float], _Value]
) -> tuple[Answer[_Value], ...]:
    """Return each daemon's answer, in the daemons' order. One that fails never hides the others.

    ``question`` gets the daemon's service and the seconds that it may take; it runs in a thread of its own.
    The same time, ``options.timeout``, bounds the connecting before it. A daemon that is not ready isn't
    asked.
    """
    return at_once(daemons, lambda daemon: ask_one(daemon, options, question))


def at_once(daemons: Sequence[Daemon], ask: Callable[[Daemon], Answer[_Value]]) -> tuple[Answer[_Value], ...]:
    """Return the answers of ``ask`` for each daemon, in their order; it is called in threads."""
    if not daemons:
        return ()
    with ThreadPoolExecutor(min(len(daemons), _AT_ONCE), "ask") as pool:
        return tuple(pool.map(ask, daemons))


def ask_one(
    daemon: Daemon,
    options: DialOptions,
    question: Callable[[Control, float], _Value],
    cancellation: Cancellation | None = None,
) -> Answer[_Value]:
    """Return one daemon's answer; see ``ask_each``. ``cancellation`` ends the question, with an error."""
    if not daemon.ready or daemon.terminating:
        return Answer(daemon=daemon, error=ConnectionLostError(f"{daemon.name} is {daemon.state}"))
    try:
        with open_channel(daemon.address, options, peer=daemon.peer, cancellation=cancellation) as channel:
            return Answer(daemon=daemon, value=question(Control(channel), options.timeout))
    except RouterError as exc:
        return Answer(daemon=daemon, error=_too_old(daemon, exc) or exc)


def _too_old(daemon: Daemon, error: RouterError) -> RpcError | None:
    """Return what an error means that says of a method that there is none."""
    if not isinstance(error, RpcError) or error.code != Status.UNIMPLEMENTED or error.hint:
        return None
    return RpcError(
        f"{daemon.name} is too old for this: {error}", code=error.code, hint="update BuildKit there"
    )
