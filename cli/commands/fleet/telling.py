"""How the progress of a fleet is told, on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cli.render.foreign import lines_of

if TYPE_CHECKING:
    from router import FleetStep

__all__ = ["tell"]


def tell(step: FleetStep) -> None:
    """Write a line: what it is about, what became of it, and why."""
    why = f": {step.detail}" if step.detail else ""
    sys.stderr.write("".join(f"{line}\n" for line in lines_of(f"{step.subject} {step.state}{why}")))
    sys.stderr.flush()
