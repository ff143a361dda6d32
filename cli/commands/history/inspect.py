"""`warmroute history inspect`: all that is known of one build."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import router as library
from cli.commands.history.finding import Ref, found_build
from cli.commands.history.listed import STATUS, place_of, record_values
from cli.groups import OptionGroup, option
from cli.options import ChosenDaemons, FleetRouting, FormatDisplay
from cli.render.ago import instant, took
from cli.render.error import render_error
from cli.render.foreign import own_line, printable
from cli.render.output import say
from cli.render.table import room_on_stdout, table
from router import build_name, shown_options

if TYPE_CHECKING:
    from router import BuildDetails, BuildRecord

__all__ = ["command"]

# Options that stand in a place of their own, or in none.
_TOLD = ("context", "filename", "target", "platform", "frontend.caps")
_TOLD_GROUPS = ("vcs:", "build-arg:", "label:", "attest:", "context:", "warmroute.")


class Attached(OptionGroup, panel="Output"):
    """The attachment to print instead."""

    attachment: str | None = option(
        "--attachment",
        default=None,
        metavar="TYPE",
        help="Print an attachment, by its type or digest; provenance is short for its type.",
    )


def command(
    build: Ref, attached: Attached, routing: FleetRouting, chosen: ChosenDaemons, display: FormatDisplay
) -> None:
    """Show a build's options, materials and attachments, and why it failed."""
    with found_build(routing, chosen, build.ref) as (found, dial, _):
        if attached.attachment:
            blob = library.read_attachment(found, dial, attached.attachment)
            sys.stdout.buffer.write(blob + b"\n")
            return
        details = library.inspect_build(found, dial)
        text = _json(details) if display.format == "json" else "\n".join(_lines(details))
        sys.stdout.write(f"{text}\n")
        for each in details.unread:
            say(each)


def _lines(details: BuildDetails) -> Iterator[str]:
    record = details.build.record
    for block in (_origin(details), _course(record), _settings(record)):
        facts = [(title, value) for title, value in block if value]
        yield from (own_line(f"{f'{title}:':<15} {printable(value)}") for title, value in facts)
        if facts:
            yield ""
    for title in ("Build Arg", "Label", "Named Context", "Option"):
        rows = _options(record, title)
        yield from _block((title.upper(), "VALUE"), rows)
    yield from _block(
        ("MATERIAL", "DIGEST"), [(each.uri, ", ".join(each.digests)) for each in details.materials]
    )
    attached = [(each.digest, each.platform, each.type) for each in details.attachments]
    yield from _block(("ATTACHMENT", "PLATFORM", "TYPE"), attached)
    if details.error is not None:
        yield render_error(details.error, color=False)
    yield f"Print its log: warmroute logs {printable(record.ref)}"


def _block(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a table, with a blank line behind; on a terminal without room a line for each cell."""
    if not rows:
        return
    lines, room = table(header, rows), room_on_stdout()
    if room is not None and max(map(len, lines.split("\n"))) > room:
        yield ", ".join(header)
        for first, *others in rows:
            yield own_line(printable(first))
            yield from (f"  {printable(cell)}" for cell in others if cell)
    else:
        yield lines
    yield ""


def _origin(details: BuildDetails) -> Iterator[tuple[str, str]]:
    record, mark, attrs = details.build.record, details.build.record.mark, details.build.record.attrs
    yield "Name", build_name(record)
    yield "Ref", record.ref
    yield "Daemon", f"{details.build.daemon.name} ({details.build.daemon.address})"
    if mark:
        attempt = f", attempt {mark.attempt}" if mark.attempt > 1 else ""
        yield "Key", f"{mark.key} (rule: {mark.rule}), {place_of(record)}{attempt}"
        yield "Started by", mark.by
    yield "Context", attrs.get("context", "") or attrs.get("vcs:localdir:context", "")
    yield "Dockerfile", attrs.get("filename", "")
    yield "VCS Repository", attrs.get("vcs:source", "")
    yield "VCS Revision", attrs.get("vcs:revision", "")
    yield "Target", attrs.get("target", "")
    yield "Platforms", attrs.get("platform", "").replace(",", ", ")
    for exporter in record.exporters:
        yield "Output", " ".join(filter(None, (exporter.type, exporter.attrs.get("name", ""))))


def _course(record: BuildRecord) -> Iterator[tuple[str, str]]:
    running = record.status == "running"
    yield "Started", instant(record.created) or ""
    yield "Duration", took(record.duration(time.time_ns()), running=running)
    yield "Status", STATUS[record.status]
    if record.total_steps:
        cached = f"{record.cached_steps * 100 // record.total_steps}% cached"
        yield "Build Steps", f"{record.completed_steps}/{record.total_steps} ({cached})"
    yield "Warnings", str(record.warnings or "")
    yield "Pinned", "yes" if record.pinned else ""


def _settings(record: BuildRecord) -> Iterator[tuple[str, str]]:
    yield "Frontend", record.frontend
    for name, value in sorted(record.attrs.items()):
        if name.startswith("attest:"):
            yield f"Attest {name.removeprefix('attest:')}", value or "yes"


def _options(record: BuildRecord, title: str) -> Sequence[tuple[str, str]]:
    """Return options of a kind, with what looks like a secret masked."""
    prefix = {"Build Arg": "build-arg:", "Label": "label:", "Named Context": "context:", "Option": ""}[title]
    chosen = {
        name.removeprefix(prefix): value
        for name, value in record.attrs.items()
        if (name.startswith(prefix) if prefix else name not in _TOLD and not name.startswith(_TOLD_GROUPS))
    }
    return sorted(shown_options(chosen).items())


def _unmarked(options: Mapping[str, str]) -> dict[str, str]:
    """Leave out what is told as the key and the place."""
    return {name: value for name, value in options.items() if not name.startswith("warmroute.")}


def _json(details: BuildDetails) -> str:
    record = details.build.record
    error = details.error
    values = {
        **record_values(details.build),
        "frontend": record.frontend,
        "options": shown_options(_unmarked(record.attrs)),
        "outputs": [
            {"type": each.type, "options": shown_options(_unmarked(each.attrs))} for each in record.exporters
        ],
        "materials": [{"uri": each.uri, "digests": list(each.digests)} for each in details.materials],
        "attachments": [
            {"digest": each.digest, "platform": each.platform, "type": each.type, "size": each.size}
            for each in details.attachments
        ],
        "unread": list(details.unread),
    }
    if error is not None and isinstance(values["error"], dict):
        values["error"] |= {"step": error.step, "log": list(error.log_tail), "source": error.excerpt}
    return json.dumps(values, indent=2)
