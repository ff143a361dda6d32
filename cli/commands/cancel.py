"""`warmroute cancel`: ends running builds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import router as library
from cli.asking import chosen as among
from cli.asking import require_answers, tell_silent
from cli.commands.history.finding import refs_of
from cli.given.routing import router_config
from cli.groups import Only, OptionGroup, argument
from cli.interruption import Silent, interruptible
from cli.options import ChosenDaemons, FleetRouting, FormatDisplay, HomeOptions
from cli.render.outcomes import tell_outcomes
from router import UsageError

if TYPE_CHECKING:
    from router import Daemon, DaemonRecord, DialOptions

__all__ = ["command"]


class Builds(OptionGroup):
    """Which builds are meant."""

    refs: list[str] | None = argument(
        "REF", default=None, help="The builds' ids, or as much of each as no other build has."
    )


_Key = Annotated[HomeOptions, Only("--key")]


def command(
    builds: Builds, home: _Key, routing: FleetRouting, chosen: ChosenDaemons, display: FormatDisplay
) -> None:
    """End running builds, by their ids or by their balancing key (--key), whichever user started them."""
    if bool(builds.refs) == bool(home.key):
        raise UsageError(
            "REF and --key exclude each other" if home.key else "no build is named",
            hint="name builds by their ids, which warmroute ps lists, or by --key",
        )
    refs = refs_of(builds.refs or ())
    by = library.started_by(os.environ, os.uname().nodename)
    with library.BuildRouter(router_config(routing)) as router, interruptible(Silent(heeds=False)):
        daemons = among(router.fleet.daemons(), chosen.names or (), router)
        dial = router.dial_options
        silent: list[str] = []
        if home.key:
            found, silent = _of_key(home.key, daemons, dial)
        else:
            found = _named(refs, daemons, dial)
        outcomes = library.cancel_builds(found, dial, by)
    tell_outcomes(outcomes, "canceled", display.format)
    require_answers(silent, len(daemons))


def _named(refs: Sequence[str], daemons: Sequence[Daemon], dial: DialOptions) -> list[DaemonRecord]:
    found = [library.find_build(daemons, dial, ref) for ref in refs]
    return list({(each.daemon.name, each.record.ref): each for each in found}.values())


def _of_key(key: str, daemons: Sequence[Daemon], dial: DialOptions) -> tuple[list[DaemonRecord], list[str]]:
    """Return the builds of a key that run, and which daemons did not answer.

    Raises ``UsageError`` where there is none, ``UnreachableError`` where it may be on one of these.
    """
    answers = library.ask_records(daemons, dial, library.RecordQuery(active_only=True))
    found = [each for each in library.by_time(answers) if each.record.mark and each.record.mark.key == key]
    silent = tell_silent(answers)
    if not found:
        require_answers(silent, len(answers))
        names = ", ".join(daemon.name for daemon in daemons)
        raise UsageError(
            f'no build of the key "{key}" runs on {names}', hint="warmroute ps lists those that run"
        )
    return found, silent
