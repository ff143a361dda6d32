"""`warmroute workers`: the workers of every daemon."""

from __future__ import annotations

import sys

import router as library
from cli.asking import ask, require_answers
from cli.options import ChosenDaemons, DetailDisplay, DisplayOptions, FleetRouting, RoutingOptions
from cli.render.workers import workers_json, workers_text

__all__ = ["command", "show"]


def command(routing: FleetRouting, chosen: ChosenDaemons, display: DetailDisplay) -> None:
    """Show the workers of the fleet's daemons: platforms, and with -v labels, devices and rules of the gc."""
    show(routing, chosen, display)


def show(routing: RoutingOptions, chosen: ChosenDaemons, display: DisplayOptions) -> None:
    """Ask daemons for their workers, and print them."""
    answers = ask(routing, library.ask_workers, only=chosen.names or ())
    if display.format == "json":
        text = workers_json(answers)
    else:
        text = workers_text(answers, details=bool(display.verbose))
    sys.stdout.write(f"{text}\n")
    require_answers([answer.daemon.name for answer in answers if answer.error], len(answers))
