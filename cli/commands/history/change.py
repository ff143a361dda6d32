"""`warmroute history rm`, `pin`, `unpin`: what the daemons are to remember."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cli.asking import chosen as among
from cli.asking import require_answers, tell_silent
from cli.commands.history.finding import refs_of
from cli.given.routing import router_config
from cli.groups import OptionGroup, argument, option
from cli.interruption import Silent, interruptible
from cli.options import ChosenDaemons, DisplayOptions, FleetRouting, FormatDisplay, RoutingOptions
from cli.render.outcomes import tell_outcomes
from router import UsageError

if TYPE_CHECKING:
    from router import BuildOutcome, HistoryChange

__all__ = ["pin", "rm", "unpin"]


class Records(OptionGroup):
    """Which builds are meant."""

    refs: list[str] | None = argument(
        "REF", default=None, help="The builds' ids, or as much of each as no other build has."
    )


class All(OptionGroup, panel="Builds"):
    """All of them at once."""

    all: bool = option(
        "--all", default=False, help="All builds that are over, but for those that are pinned."
    )


class _Changed(NamedTuple):
    """What became of the builds; which daemons did not answer, where all were asked for theirs."""

    outcomes: Sequence[BuildOutcome]
    silent: Sequence[str]
    asked: int


def rm(
    records: Records, every: All, routing: FleetRouting, chosen: ChosenDaemons, display: FormatDisplay
) -> None:
    """Take builds out of the daemons' histories; their caches and images stay."""
    if bool(records.refs) == every.all:
        raise UsageError(
            "REF and --all exclude each other" if every.all else "no build is named",
            hint="name builds by their ids, which warmroute history ls lists, or all by --all",
        )
    _tell(_change("remove", records, routing, chosen), "removed", display)


def pin(records: Records, routing: FleetRouting, chosen: ChosenDaemons, display: FormatDisplay) -> None:
    """Keep the records of builds until they are unpinned or removed."""
    _require(records)
    _tell(_change("pin", records, routing, chosen), "pinned", display)


def unpin(records: Records, routing: FleetRouting, chosen: ChosenDaemons, display: FormatDisplay) -> None:
    """Let the daemons forget builds again."""
    _require(records)
    _tell(_change("unpin", records, routing, chosen), "unpinned", display)


def _require(records: Records) -> None:
    if not records.refs:
        raise UsageError("no build is named", hint="warmroute history ls lists them")


def _tell(changed: _Changed, done: str, display: DisplayOptions) -> None:
    tell_outcomes(changed.outcomes, done, display.format)
    require_answers(changed.silent, changed.asked)


def _change(
    change: HistoryChange, records: Records, routing: RoutingOptions, chosen: ChosenDaemons
) -> _Changed:
    """Change the records of the builds that are named, of all where none is."""
    from router import BuildRouter, ask_records, by_time, change_history, find_build

    silent: list[str] = []
    refs = refs_of(records.refs or ())
    with BuildRouter(router_config(routing)) as router, interruptible(Silent(heeds=False)):
        daemons = among(router.fleet.daemons(), chosen.names or (), router)
        dial = router.dial_options
        if refs:
            found = [find_build(daemons, dial, ref) for ref in refs]
        else:
            answers = ask_records(daemons, dial)
            silent = tell_silent(answers)
            found = [each for each in by_time(answers) if each.record.completed and not each.record.pinned]
        return _Changed(change_history(found, dial, change), silent, len(daemons))
