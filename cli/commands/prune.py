"""`warmroute prune`: delete build cache that is not in use."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import router as library
from cli.asking import chosen as chosen_of
from cli.asking import named, require_answers, tell_of
from cli.consent import Consent, agreed, require_consent
from cli.given.pruning import PruneOptions, pruning
from cli.given.routing import router_config
from cli.groups import Only
from cli.interruption import Silent, interruptible
from cli.options import FLEET_TIMEOUT, ChosenDaemons, DetailDisplay, RoutingOptions
from cli.render.pruning import PruneProgress
from cli.render.store import freed_table, record_lines
from cli.render.store_json import freed_values, record_values
from cli.render.table import room_on_stdout
from router import CancelledError

if TYPE_CHECKING:
    from router import Answer, BuildRouter, Daemon, Pruning, Usage

__all__ = ["command"]

_Routing = Annotated[
    RoutingOptions,
    Only("--dry-run", "fleet", "reach", "--grpc-engine", "tls", connect_timeout=FLEET_TIMEOUT),
]


def command(
    options: PruneOptions, consent: Consent, routing: _Routing, chosen: ChosenDaemons, display: DetailDisplay
) -> None:
    """Delete build cache that is not in use, on every daemon of the fleet."""
    what = pruning(options)
    config = router_config(routing)
    if not routing.dry_run:
        require_consent(consent, "prune", hint="--dry-run lists the records it would delete")
    with library.BuildRouter(config) as router:
        with interruptible(Silent(heeds=False)):
            daemons = chosen_of(router.fleet.daemons(), chosen.names or (), router)
            if not (routing.dry_run or agreed(consent, _deleted(daemons, what))):
                return
        answers = _planned(router, daemons, what) if routing.dry_run else _pruned(router, daemons, what)
    _tell(answers, display, dry_run=routing.dry_run)


def _planned(router: BuildRouter, daemons: Sequence[Daemon], what: Pruning) -> tuple[Answer[Usage], ...]:
    with interruptible(Silent(heeds=False)):
        return library.plan_prune(daemons, router.dial_options, what)


def _pruned(router: BuildRouter, daemons: Sequence[Daemon], what: Pruning) -> tuple[Answer[Usage], ...]:
    progress = PruneProgress(sys.stderr)
    try:
        with interruptible(Silent(heeds=True)) as cancellation:
            return library.prune(
                daemons, router.dial_options, what, on_record=progress.see, cancellation=cancellation
            )
    finally:
        progress.close()


def _tell(answers: Sequence[Answer[Usage]], display: DetailDisplay, *, dry_run: bool) -> None:
    """Print the space freed, and raise the error of a daemon that failed."""
    errors = [answer.error for answer in answers if answer.error is not None]
    if len(answers) == len(errors) == 1 and answers[0].value is None:
        raise errors[0]
    interrupted = any(isinstance(error, CancelledError) for error in errors)
    for answer in answers:
        if answer.error is not None and not interrupted:
            tell_of(answer.daemon, answer.error)
    write = _json if display.format == "json" else _text
    sys.stdout.write(f"{write(answers, each=bool(display.verbose), dry_run=dry_run)}\n")
    sys.stdout.flush()
    if interrupted:
        raise CancelledError(
            "the prune was interrupted: the records listed are deleted, and a few more may be"
        )
    require_answers([answer.daemon.name for answer in answers if answer.error], len(answers))


def _deleted(daemons: Sequence[Daemon], what: Pruning) -> str:
    """Say what would go."""
    which = "all build cache" if what.all else "build cache"
    selected = ", as far as the options select it," if what != type(what)(all=what.all) else ""
    return f"{which} that is not in use{selected} on {named([daemon.name for daemon in daemons])}"


def _text(answers: Sequence[Answer[Usage]], *, each: bool, dry_run: bool) -> str:
    told = [(answer.daemon.name, answer.value) for answer in answers]
    records = [(name, record) for name, usage in told if usage for record in usage.records] if each else []
    blocks = ["\n".join(record_lines(name, record)) for name, record in records]
    return "\n\n".join([*blocks, freed_table(told, dry_run=dry_run, room=room_on_stdout())])


def _json(answers: Sequence[Answer[Usage]], *, each: bool, dry_run: bool) -> str:
    daemons = [
        {
            "daemon": answer.daemon.name,
            "address": str(answer.daemon.address),
            "error": str(answer.error or ""),
            **freed_values(answer.value),
            **(
                {"records": [record_values(record) for record in answer.value.records]}
                if each and answer.value
                else {}
            ),
        }
        for answer in answers
    ]
    whole = library.usage_of(record for answer in answers if answer.value for record in answer.value.records)
    return json.dumps({"dryRun": dry_run, "daemons": daemons, "sum": freed_values(whole)}, indent=2)
