"""How the progress of a fleet is told, on stderr, and its result to programs, on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import router as library
from cli.render.foreign import lines_of

if TYPE_CHECKING:
    from router import Cancellation, FleetStep, FleetWait, PodRow

__all__ = ["counted", "tell", "waiting", "write_json"]


def waiting(within: str, cancellation: Cancellation) -> FleetWait:
    """Return how long to wait, by ``--ready-within``, and that progress is told here."""
    seconds = library.parse_duration(within, library.Flag(name="--ready-within", example="10m"))
    return library.FleetWait(seconds=seconds, tell=tell, cancellation=cancellation)


def tell(step: FleetStep) -> None:
    """Write a line: what it is about, what became of it, and why."""
    why = f": {step.detail}" if step.detail else ""
    sys.stderr.write("".join(f"{line}\n" for line in lines_of(f"{step.subject} {step.state}{why}")))
    sys.stderr.flush()


def counted(pods: Sequence[PodRow]) -> str:
    """Return how many daemons there are, for a sentence."""
    return f"{len(pods)} daemon{'' if len(pods) == 1 else 's'}"


def write_json(values: Mapping[str, object]) -> None:
    """Write the result to stdout, for ``--format json``."""
    sys.stdout.write(f"{json.dumps(values, indent=2)}\n")
    sys.stdout.flush()
