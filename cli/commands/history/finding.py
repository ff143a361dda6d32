"""The build that a command is about: which one its argument names, on which daemon it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import router as library
from cli.asking import chosen, require_answers, tell_silent
from cli.ending import Interrupted
from cli.given.routing import router_config
from cli.groups import OptionGroup, argument
from cli.interruption import Silent, interruptible
from cli.options import ChosenDaemons, RoutingOptions
from router import UsageError

if TYPE_CHECKING:
    from router import Answer, BuildRecord, Cancellation, DaemonRecord, DialOptions

__all__ = ["Ref", "found_build", "refs_of"]


class Ref(OptionGroup):
    """Which build is meant."""

    ref: str | None = argument(
        "REF",
        default=None,
        help="The build's id, or as much of it as no other has; ^1 is the build before the latest."
        " [dim]default: the latest[/]",
    )


def refs_of(refs: Sequence[str]) -> list[str]:
    """Return the builds that are named, each once. Raises ``UsageError`` for an empty name, a variable of the
    shell that is not set, most likely: it would stand for the latest build."""
    if "" in refs:
        raise UsageError("a REF is empty", hint="warmroute history ls lists the builds' ids")
    return list(dict.fromkeys(refs))


@contextmanager
def found_build(
    routing: RoutingOptions, daemons: ChosenDaemons, ref: str | None, shown: Interrupted | None = None
) -> Iterator[tuple[DaemonRecord, DialOptions, Cancellation]]:
    """Yield the build, how its daemon is dialled, and the switch that an interruption throws.

    Without ``shown`` an interruption ends the command at once. Raises as ``find_build``; and at the end, for
    which the build has to be told of within, ``UnreachableError`` where a daemon did not answer that may have
    the latest build.
    """
    config = router_config(routing)
    interrupted = Silent(heeds=False) if shown is None else shown
    silent: list[str] = []

    def accept(answers: Sequence[Answer[tuple[BuildRecord, ...]]]) -> None:
        silent.extend(tell_silent(answers))

    with library.BuildRouter(config) as router, interruptible(interrupted) as cancellation:
        asked = chosen(router.fleet.daemons(), daemons.names or (), router)
        found = library.find_build(asked, router.dial_options, ref or "", accept=accept)
        yield found, router.dial_options, cancellation
    require_answers(silent, len(asked))
