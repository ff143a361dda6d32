"""`warmroute simulate`: what would become of a fleet's caches if."""

from __future__ import annotations

import sys
from typing import Annotated

from cli.given.routing import router_config
from cli.groups import Only
from cli.options import FormatDisplay, RoutingOptions
from cli.simulation.files import files_of
from cli.simulation.options import SimulationOptions
from cli.simulation.question import question

__all__ = ["command"]


# A fleet is listed, and no daemon of it asked.
_Routing = Annotated[
    RoutingOptions,
    Only(
        "fleet",
        "--placement",
        "--identity",
        "--connect-timeout",
        "--max-builds",
        "--spill",
        "--queue",
        "--retries",
    ),
]


def command(simulation: SimulationOptions, routing: _Routing, display: FormatDisplay) -> None:
    """Tell what would happen: how even placements are, which keys move, how warm builds stay."""
    config = router_config(routing)
    files = files_of(simulation)
    asked = question(simulation, config)
    from router import simulate

    findings = simulate(asked)
    for file in files:
        file.write(asked, findings)
    if display.format == "json":
        from cli.simulation.values import as_json

        text = as_json(asked, findings)
    else:
        from cli.simulation.texts import tables

        text = tables(asked, findings)
    sys.stdout.write(f"{text}\n")
