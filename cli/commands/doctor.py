"""`warmroute doctor`: what is wrong on the way to a fleet, and with it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cli.config_files import ConfigurationFiles, Reading
from cli.given.routing import router_config
from cli.groups import Only
from cli.interruption import Silent, interruptible
from cli.options import DisplayOptions, RoutingOptions
from cli.render.findings import findings_json, findings_text
from cli.render.table import room_on_stdout
from cli.settings import load
from router import RouterError

if TYPE_CHECKING:
    from router import Finding

__all__ = ["command"]

_Routing = Annotated[
    RoutingOptions,
    Only("fleet", "--placement", "reach", "--wait", "--grpc-engine", "tls", connect_timeout=5.0),
]
_Display = Annotated[DisplayOptions, Only("--verbose", "--format")]


def command(reading: Reading, routing: _Routing, display: _Display) -> None:
    """Check configuration, rights, daemons and their caches; say what is wrong, and what to do."""
    config = router_config(routing)
    from router import BuildRouter, examine

    with BuildRouter(config) as router, interruptible(Silent(heeds=False)):
        found = (*_of_files(reading.files), *examine(config, router.dial_options, lambda: router.fleet))
    text = (
        findings_json(found)
        if display.format == "json"
        else findings_text(found, room=room_on_stdout(), verbose=bool(display.verbose))
    )
    sys.stdout.write(f"{text}\n")
    if problems := sum(finding.level == "problem" for finding in found):
        sys.stdout.flush()
        raise RouterError(f"{problems} problem{'' if problems == 1 else 's'} found", reason="unhealthy")


def _of_files(files: ConfigurationFiles) -> Sequence[Finding]:
    """Return what there is to say of configuration files; what is wrong in one has ended the command."""
    from router import Finding

    loaded = load(files, os.environ)
    tried = "looked for warmroute.toml here and above, and for your own config.toml"
    read = ", ".join(document.path for document in loaded.documents)
    if loaded.untrusted:
        return [
            Finding(
                check="config",
                level="note",
                subject=loaded.untrusted,
                tried=tried,
                result="the project's file is ignored, because it is not trusted",
                advice="read it, then run warmroute config trust",
            )
        ]
    return [Finding(check="config", level="ok", tried=tried, result=read or "no configuration file")]
