"""`warmroute simulate`: play builds through a fleet that changes."""

from __future__ import annotations

import sys
from typing import Annotated

import router as library
from cli.asking import require_answers
from cli.given.routing import router_config
from cli.groups import Only
from cli.options import FLEET_TIMEOUT, FormatDisplay, RoutingOptions
from cli.simulation.files import files_of
from cli.simulation.options import SimulationOptions
from cli.simulation.question import question

__all__ = ["command"]


_Routing = Annotated[
    RoutingOptions,
    Only(
        "fleet",
        "--placement",
        "reach",
        "--max-builds",
        "--spill",
        "--queue",
        "--retries",
        "--grpc-engine",
        "tls",
        connect_timeout=FLEET_TIMEOUT,
    ),
]


def command(simulation: SimulationOptions, routing: _Routing, display: FormatDisplay) -> None:
    """Simulate a fleet: how even placements are, which keys move, how warm builds stay."""
    config = router_config(routing)
    files = files_of(simulation)
    asked, source = question(simulation, config)
    findings = library.simulate(asked)
    for file in files:
        file.write(asked, findings)
    if display.format == "json":
        from cli.simulation.values import as_json

        text = as_json(asked, findings)
    else:
        from cli.simulation.texts import tables

        text = tables(asked, findings)
    sys.stdout.write(f"{text}\n")
    require_answers(source.silent, source.asked)
