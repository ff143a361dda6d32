"""Which daemons a debug command asks, and how it is told of those that did not answer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from cli.given.routing import router_config
from cli.interruption import Silent, interruptible
from cli.options import RoutingOptions
from cli.render.foreign import lines_of
from router import NoDaemonError

if TYPE_CHECKING:
    from router import Answer, BuildRouter, Daemon, DialOptions

__all__ = ["ask"]

_Value = TypeVar("_Value")


def ask(
    options: RoutingOptions,
    question: Callable[[Sequence[Daemon], DialOptions], tuple[Answer[_Value], ...]],
) -> tuple[Answer[_Value], ...]:
    """Ask the home of the key that the options give, without one every daemon of the fleet.

    Who did not answer is told on stderr. Raises that error where nobody did, ``NoDaemonError``.
    """
    config = router_config(options)
    from router import BuildRouter

    with BuildRouter(config) as router, interruptible(Silent(heeds=False)):
        answers = question(_daemons(router, options.home.key), router.dial_options)
    errors = [answer.error for answer in answers if answer.error is not None]
    if len(errors) == len(answers):
        raise errors[0]
    for error in errors:
        sys.stderr.write("".join(f"{line}\n" for line in lines_of(f"warmroute: {error}")))
    return answers


def _daemons(router: BuildRouter, key: str | None) -> Sequence[Daemon]:
    if key:
        from router import Key

        home = router.route(Key.own(key)).home
        daemons = [home] if home else []
    else:
        daemons = sorted(router.fleet.daemons(), key=lambda daemon: daemon.name)
    if not daemons:
        raise NoDaemonError(f"no {router.fleet.describe()}", hint=router.fleet.hint)
    return daemons
