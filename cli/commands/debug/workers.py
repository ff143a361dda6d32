"""`warmroute debug workers`: the workers of each daemon."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from cli.asking import ask, require_answers
from cli.commands.debug import names
from cli.groups import Only
from cli.options import ChosenDaemons, DisplayOptions, HomeRouting
from cli.render.foreign import printable
from cli.render.table import table
from cli.render.units import NANOSECONDS, format_bytes

if TYPE_CHECKING:
    from router import Answer, GCRule, Worker

__all__ = ["command"]


_Display = Annotated[DisplayOptions, Only("--verbose", "--format")]


def command(routing: HomeRouting, chosen: ChosenDaemons, display: _Display) -> None:
    """Show the workers of daemons: of each in the fleet, or of the home of --key."""
    from router import ask_workers

    answers = ask(routing, ask_workers, only=chosen.names or ())
    if display.format == "json":
        text = _json(answers)
    else:
        text = "\n".join(_details(answers)) if display.verbose else _table(answers)
    sys.stdout.write(f"{text}\n")
    require_answers([answer.daemon.name for answer in answers if answer.error], len(answers))


def _workers(answers: Sequence[Answer[tuple[Worker, ...]]]) -> Iterator[tuple[str, Worker]]:
    return ((answer.daemon.name, worker) for answer in answers for worker in answer.value or ())


def _table(answers: Sequence[Answer[tuple[Worker, ...]]]) -> str:
    rows = [(name, worker.id, ", ".join(_platforms(worker))) for name, worker in _workers(answers)]
    return table(("DAEMON", "ID", "PLATFORMS"), rows)


def _platforms(worker: Worker) -> list[str]:
    return ["/".join(filter(None, (os, arch, variant))) for arch, os, variant in worker.platforms]


def _details(answers: Sequence[Answer[tuple[Worker, ...]]]) -> Iterator[str]:
    """Yield a block of lines for each worker, with a blank line between."""
    for number, (name, worker) in enumerate(_workers(answers)):
        if number:
            yield ""
        for title, value in _facts(name, worker):
            yield f"{title:<12} {printable(value)}".rstrip()


def _facts(name: str, worker: Worker) -> Iterator[tuple[str, str]]:
    version = worker.version
    yield "Daemon:", name
    yield "ID:", worker.id
    yield "Platforms:", ", ".join(_platforms(worker))
    yield "BuildKit:", f"{version.package} {version.version} {version.revision}"
    yield "Dockerfile:", version.dockerfile
    for label, value in worker.labels.items():
        yield "Label:", f"{label}={value}"
    for device in worker.devices:
        yield "Device:", f"{device.name}{' (on demand)' if device.on_demand else ''}"
    for number, rule in enumerate(worker.gc_rules):
        yield f"GC rule {number}:", _rule(rule)


def _rule(rule: GCRule) -> str:
    limits = {
        "reserved": rule.reserved_space,
        "at most": rule.max_used_space,
        "free at least": rule.min_free_space,
    }
    parts = ["everything" if rule.all else "", *rule.filters]
    if rule.keep_duration:
        parts.append(f"kept {rule.keep_duration // NANOSECONDS} s")
    parts += [f"{name} {format_bytes(size)}" for name, size in limits.items() if size]
    return ", ".join(filter(None, parts))


def _json(answers: Sequence[Answer[tuple[Worker, ...]]]) -> str:
    listed = [
        {
            "daemon": answer.daemon.name,
            "address": str(answer.daemon.address),
            "workers": None if answer.value is None else [names.worker(each) for each in answer.value],
            "error": str(answer.error or ""),
        }
        for answer in answers
    ]
    return json.dumps(listed, indent=2)
