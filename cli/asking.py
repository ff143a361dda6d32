"""Which daemons a command asks that looks after a fleet, and how it is told of those that did not answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

import router as library
from cli.given.routing import router_config
from cli.interruption import Silent, interruptible
from cli.options import RoutingOptions
from cli.render.output import say_lines
from router import UnreachableError

if TYPE_CHECKING:
    from router import Answer, BuildRouter, Daemon, DialOptions, RouterError

__all__ = ["ask", "chosen", "named", "require_answers", "tell_of", "tell_silent"]

# Daemons that an error, or a question, names.
_NAMED = 5

_Value = TypeVar("_Value")


def ask(
    options: RoutingOptions,
    question: Callable[[Sequence[Daemon], DialOptions], tuple[Answer[_Value], ...]],
    *,
    only: Sequence[str] = (),
) -> tuple[Answer[_Value], ...]:
    """Ask the daemons of the fleet by the names in ``only``, without any all of them, or the home of the key
    that the options give.

    Why one did not answer is told on stderr; ``require_answers`` is for after what the others said was
    printed. Raises ``NoDaemonError``; the daemon's own error where it was the only one asked.
    """
    config = router_config(options)
    with library.BuildRouter(config) as router, interruptible(Silent(heeds=False)):
        answers = question(_daemons(router, options.home.key, only), router.dial_options)
    if len(answers) == 1 and answers[0].error is not None:
        raise answers[0].error
    tell_silent(answers)
    return answers


def tell_silent(answers: Sequence[Answer[_Value]]) -> list[str]:
    """Say on stderr why daemons did not answer, and return their names."""
    silent = [(answer.daemon, answer.error) for answer in answers if answer.error is not None]
    for daemon, error in silent:
        tell_of(daemon, error)
    return [daemon.name for daemon, _ in silent]


def tell_of(daemon: Daemon, error: RouterError) -> None:
    """Say on stderr why a daemon did not answer, with its name."""
    say_lines(daemon.naming(str(error)))


def require_answers(silent: Sequence[str], asked: int) -> None:
    """Raise ``UnreachableError`` where daemons did not answer; what the others said has been printed."""
    if silent:
        sys.stdout.flush()
        raise UnreachableError(f"{len(silent)} of {asked} daemons did not answer: {named(silent)}")


def named(names: Sequence[str]) -> str:
    """Return the names of daemons for a sentence: the first, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def chosen(daemons: Sequence[Daemon], names: Sequence[str], router: BuildRouter) -> list[Daemon]:
    """Return the daemons by their names, all of them where there are no names, sorted.

    Raises ``NoDaemonError`` where there is none, or none of a name.
    """
    return library.choose_daemons(daemons, names, router.fleet)


def _daemons(router: BuildRouter, key: str | None, names: Sequence[str]) -> Sequence[Daemon]:
    if not key:
        return chosen(router.fleet.daemons(), names, router)
    home = router.route(library.Key.own(key)).home
    return chosen([home] if home else [], names, router)
