"""`warmroute doctor`: find faults of a fleet, and on the way to it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import router as library
from cli.config_files import ConfigurationFiles, Reading
from cli.given.routing import router_config
from cli.groups import Only
from cli.interruption import Silent, interruptible
from cli.options import FLEET_TIMEOUT, ChosenDaemons, DisplayOptions, RoutingOptions
from cli.render.findings import findings_json, findings_text
from cli.render.table import room_on_stdout
from cli.settings import load
from cli.variables import with_sources
from router import RouterError, UsageError

if TYPE_CHECKING:
    from router import Finding

__all__ = ["command"]

_TRIED = "read the options, warmroute.toml here or above, and your own config.toml"
_Routing = Annotated[
    RoutingOptions,
    Only("fleet", "--placement", "reach", "--wait", "--grpc-engine", "tls", connect_timeout=FLEET_TIMEOUT),
]
_Display = Annotated[DisplayOptions, Only("--verbose", "--format")]


def command(reading: Reading, routing: _Routing, chosen: ChosenDaemons, display: _Display) -> None:
    """Check configuration, rights, daemons and their caches; report problems and how to fix them."""
    found = tuple(_findings(reading, routing, chosen.names or ()))
    text = (
        findings_json(found)
        if display.format == "json"
        else findings_text(found, room=room_on_stdout(), verbose=bool(display.verbose))
    )
    sys.stdout.write(f"{text}\n")
    if problems := sum(finding.level == "problem" for finding in found):
        sys.stdout.flush()
        raise RouterError(f"{problems} problem{'' if problems == 1 else 's'} found", reason="unhealthy")


def _findings(reading: Reading, routing: RoutingOptions, only: Sequence[str]) -> Iterator[Finding]:
    """Yield the findings of all checks; without a configuration there is nothing else to check."""
    try:
        if reading.fault is not None:
            raise reading.fault
        config = router_config(routing)
    except UsageError as exc:
        yield _of_fault(with_sources(exc, reading.parameters, reading.arguments))
        return
    yield _of_files(reading.files)
    with library.BuildRouter(config) as router, interruptible(Silent(heeds=False)):
        yield from library.examine(config, router.dial_options, lambda: router.fleet, only=only)


def _of_fault(fault: UsageError) -> Finding:
    return library.Finding(
        check="config",
        level="problem",
        tried=f"{_TRIED}; the other checks are for when it is mended",
        result=str(fault),
        advice=fault.hint or "warmroute config show",
    )


def _of_files(files: ConfigurationFiles) -> Finding:
    loaded = load(files, os.environ)
    if loaded.untrusted:
        return library.Finding(
            check="config",
            level="note",
            subject=loaded.untrusted,
            tried=_TRIED,
            result="the project's file is ignored, because it is not trusted",
            advice="read it, then run warmroute config trust",
        )
    read = ", ".join(document.path for document in loaded.documents)
    return library.Finding(check="config", level="ok", tried=_TRIED, result=read or "no configuration file")
