"""`warmroute history rm`, `pin`, `unpin`: the records that daemons keep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import router as library
from cli.asking import chosen as among
from cli.asking import named, require_answers, tell_silent
from cli.commands.history.finding import refs_of
from cli.consent import Consent, agreed, require_consent
from cli.given.routing import router_config
from cli.groups import OptionGroup, argument, option
from cli.interruption import Silent, interruptible
from cli.named import NamedTuple
from cli.options import ChosenDaemons, DisplayOptions, FleetRouting, FormatDisplay, RoutingOptions
from cli.render.outcomes import tell_outcomes
from router import UsageError

if TYPE_CHECKING:
    from router import BuildOutcome, DaemonRecord, HistoryChange

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
    """The outcome for each build, and the daemons that did not answer where all were asked."""

    outcomes: Sequence[BuildOutcome]
    silent: Sequence[str]
    asked: int


def rm(  # noqa: PLR0913, PLR0917 -- a group each
    records: Records,
    every: All,
    consent: Consent,
    routing: FleetRouting,
    chosen: ChosenDaemons,
    display: FormatDisplay,
) -> None:
    """Take builds out of the daemons' histories; their caches and images stay."""
    if bool(records.refs) == every.all:
        raise UsageError(
            "REF and --all exclude each other" if every.all else "no build is named",
            hint="name builds by their ids, which warmroute history ls lists, or all by --all",
        )
    if every.all:
        require_consent(consent, "history rm --all")
        changed = _remove_all(consent, routing, chosen)
    else:
        changed = _change("remove", records, routing, chosen)
    if changed is not None:
        _tell(changed, "removed", display)


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
    """Change the records of the builds that are named."""
    refs = refs_of(records.refs or ())
    with library.BuildRouter(router_config(routing)) as router, interruptible(Silent(heeds=False)):
        daemons = among(router.fleet.daemons(), chosen.names or (), router)
        dial = router.dial_options
        found = [library.find_build(daemons, dial, ref) for ref in refs]
        return _Changed(library.change_history(found, dial, change), (), len(daemons))


def _remove_all(consent: Consent, routing: RoutingOptions, chosen: ChosenDaemons) -> _Changed | None:
    """Remove the records of all builds that are over and not pinned; None where that isn't wanted."""
    with library.BuildRouter(router_config(routing)) as router, interruptible(Silent(heeds=False)):
        daemons = among(router.fleet.daemons(), chosen.names or (), router)
        answers = library.ask_records(daemons, router.dial_options)
        silent = tell_silent(answers)
        found = [
            each for each in library.by_time(answers) if each.record.completed and not each.record.pinned
        ]
        if found and not agreed(consent, _removed(found)):
            return None
        return _Changed(library.change_history(found, router.dial_options, "remove"), silent, len(daemons))


def _removed(builds: Sequence[DaemonRecord]) -> str:
    """Say what would go."""
    records = "the record of 1 build" if len(builds) == 1 else f"the records of {len(builds)} builds"
    return f"{records} on {named(sorted({each.daemon.name for each in builds}))}; caches and images stay"
