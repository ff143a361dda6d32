"""`warmroute logs`, `warmroute history logs`: the progress of a build, again or live."""

from __future__ import annotations

import os
import sys

import router as library
from cli.building.display import Display
from cli.commands.history.finding import Ref, found_build
from cli.options import ChosenDaemons, FleetRouting, ProgressDisplay
from cli.render import chosen_mode, open_renderer

__all__ = ["command"]


def command(build: Ref, routing: FleetRouting, chosen: ChosenDaemons, display: ProgressDisplay) -> None:
    """Show the progress of a build again, or follow a build that runs, until it ends."""
    chosen_mode(display.mode, sys.stderr, os.environ)
    shown = Display()
    with found_build(routing, chosen, build.ref, shown) as (found, dial, cancellation):
        renderer = open_renderer(
            display.mode, stream=sys.stderr, environment=os.environ, verbosity=display.verbose
        )
        shown.show(renderer)
        try:
            library.follow_build(found, dial, renderer.event, cancellation)
        except BaseException as exc:
            renderer.close(exc)
            raise
        renderer.close(None)
