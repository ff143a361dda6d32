"""`warmroute history export`: builds as an archive."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import router as library
from cli.asking import chosen as among
from cli.asking import require_answers, tell_silent
from cli.commands.history.finding import refs_of
from cli.given.routing import router_config
from cli.groups import OptionGroup, argument
from cli.interruption import Silent, interruptible
from cli.options import ChosenDaemons, FleetRouting
from router import UsageError

if TYPE_CHECKING:
    from router import Answer, BuildRecord

__all__ = ["command"]


class Records(OptionGroup):
    """Which builds are meant."""

    refs: list[str] | None = argument(
        "REF",
        default=None,
        help="The builds' ids, or as much of each as no other build has. [dim]default: the latest build[/]",
    )


def command(records: Records, routing: FleetRouting, chosen: ChosenDaemons) -> None:
    """Write builds that are over to stdout, as an archive (.dockerbuild) that Docker Desktop imports."""
    if sys.stdout.isatty():
        raise UsageError(
            "the archive can't be written to a terminal", hint="redirect stdout to FILE.dockerbuild"
        )
    silent: list[str] = []

    def accept(answers: Sequence[Answer[tuple[BuildRecord, ...]]]) -> None:
        silent.extend(each for each in tell_silent(answers) if each not in silent)

    with library.BuildRouter(router_config(routing)) as router, interruptible(Silent(heeds=False)):
        daemons = among(router.fleet.daemons(), chosen.names or (), router)
        dial = router.dial_options
        refs = refs_of(records.refs or ()) or [""]
        library.export_builds(
            [library.find_build(daemons, dial, ref, accept=accept) for ref in refs], dial, sys.stdout.buffer
        )
    require_answers(silent, len(daemons))
