"""`warmroute du`: the contents of the daemons' build cache."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import router as library
from cli.asking import ask, require_answers
from cli.options import ChosenDaemons, DetailDisplay, FleetRouting, RecordFilters
from cli.render.store import mounts_table, record_lines, usage_table
from cli.render.store_json import mount_values, record_values, usage_values
from cli.render.table import room_on_stdout

if TYPE_CHECKING:
    from router import Answer, Usage

__all__ = ["command"]


def command(
    filters: RecordFilters, routing: FleetRouting, chosen: ChosenDaemons, display: DetailDisplay
) -> None:
    """Show how much the daemons' caches take up, and which cache mounts are where."""
    wanted = library.parse_usage_filters(filters.texts or ())
    answers = ask(
        routing, lambda daemons, options: library.ask_usage(daemons, options, wanted), only=chosen.names or ()
    )
    text = _json if display.format == "json" else _text
    sys.stdout.write(f"{text(answers, each=bool(display.verbose))}\n")
    require_answers([answer.daemon.name for answer in answers if answer.error], len(answers))


def _whole(answers: Sequence[Answer[Usage]]) -> Usage:
    return library.usage_of(record for answer in answers if answer.value for record in answer.value.records)


def _text(answers: Sequence[Answer[Usage]], *, each: bool) -> str:
    room = room_on_stdout()
    told = [(answer.daemon.name, answer.value) for answer in answers]
    records = [(name, record) for name, usage in told if usage for record in usage.records] if each else []
    mounts = [(name, mount) for name, usage in told if usage for mount in library.cache_mounts(usage.records)]
    blocks = ["\n".join(record_lines(name, record)) for name, record in records]
    blocks += [usage_table(told, _whole(answers), room=room), mounts_table(mounts, room=room)]
    return "\n\n".join(filter(None, blocks))


def _json(answers: Sequence[Answer[Usage]], *, each: bool) -> str:
    daemons = [
        {
            "daemon": answer.daemon.name,
            "address": str(answer.daemon.address),
            "error": str(answer.error or ""),
            **usage_values(answer.value),
            **(
                {"records": [record_values(record) for record in answer.value.records]}
                if each and answer.value
                else {}
            ),
        }
        for answer in answers
    ]
    mounts = [
        mount_values(answer.daemon.name, mount)
        for answer in answers
        if answer.value
        for mount in library.cache_mounts(answer.value.records)
    ]
    return json.dumps(
        {"daemons": daemons, "sum": usage_values(_whole(answers)), "cacheMounts": mounts}, indent=2
    )
