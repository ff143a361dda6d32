"""`warmroute debug workers`: the workers of each daemon, or of a key's home."""

from __future__ import annotations

from cli.commands.workers import show
from cli.options import ChosenDaemons, DetailDisplay, HomeRouting

__all__ = ["command"]


def command(routing: HomeRouting, chosen: ChosenDaemons, display: DetailDisplay) -> None:
    """Show the workers of daemons: of each in the fleet, or of the home of --key."""
    show(routing, chosen, display)
