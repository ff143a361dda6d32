"""The workers of daemons, as people and programs read them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from cli.render import names
from cli.render.foreign import printable
from cli.render.platforms import counted
from cli.render.table import room_on_stdout, table
from cli.render.units import NANOSECONDS, format_bytes

if TYPE_CHECKING:
    from router import Answer, GCRule, Worker

__all__ = ["workers_json", "workers_text"]

# Columns before the value of a fact, and those that it has at least.
_INDENT, _LEAST = 13, 20


def workers_text(answers: Sequence[Answer[tuple[Worker, ...]]], *, details: bool) -> str:
    """Return a table with a row for each worker, and one for a daemon that did not answer; or all there is to
    say of each."""
    if details:
        return "\n".join(_details(answers, room_on_stdout()))
    rows = [row for answer in answers for row in _rows(answer)]
    header = ("DAEMON", "ID", "BUILDKIT", "PLATFORMS")
    return table(header, rows, room=room_on_stdout(), spared=("ID", "BUILDKIT"))


def workers_json(answers: Sequence[Answer[tuple[Worker, ...]]]) -> str:
    """Return the workers by daemon, each under the names that buildctl gives it."""
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


def _rows(answer: Answer[tuple[Worker, ...]]) -> Iterator[tuple[str, ...]]:
    if answer.value is None:
        yield answer.daemon.name, "no answer", "", ""
    for worker in answer.value or ():
        yield answer.daemon.name, worker.id, worker.version.version, counted(_platforms(worker))


def _platforms(worker: Worker) -> list[str]:
    return ["/".join(filter(None, (os, arch, variant))) for arch, os, variant in worker.platforms]


def _details(answers: Sequence[Answer[tuple[Worker, ...]]], room: int | None) -> Iterator[str]:
    """Yield a block of lines for each worker, with a blank line between."""
    workers = ((answer.daemon.name, worker) for answer in answers for worker in answer.value or ())
    for number, (name, worker) in enumerate(workers):
        if number:
            yield ""
        for title, value in _facts(name, worker):
            yield from _fact(title, printable(value), room)


def _fact(title: str, value: str, room: int | None) -> Iterator[str]:
    """Yield the lines of a fact: on a terminal without room for it several."""
    width = max((room or len(value)) - _INDENT, _LEAST)
    lines = wrap(value, width, break_on_hyphens=False) if room else [value]
    for number, line in enumerate(lines or [""]):
        yield f"{'' if number else title:<{_INDENT - 1}} {line}".rstrip()


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
