"""How the progress of a fleet is told, on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import router as library
from cli.render.foreign import lines_of

if TYPE_CHECKING:
    from router import Cancellation, FleetStep, FleetWait

__all__ = ["tell", "waiting"]


def waiting(within: str, cancellation: Cancellation) -> FleetWait:
    """Return how long to wait, by ``--ready-within``, and that progress is told here."""
    seconds = library.parse_duration(within, library.Flag(name="--ready-within", example="10m"))
    return library.FleetWait(seconds=seconds, tell=tell, cancellation=cancellation)


def tell(step: FleetStep) -> None:
    """Write a line: what it is about, what became of it, and why."""
    why = f": {step.detail}" if step.detail else ""
    sys.stderr.write("".join(f"{line}\n" for line in lines_of(f"{step.subject} {step.state}{why}")))
    sys.stderr.flush()
