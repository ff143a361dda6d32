"""How a fleet that was made is known by its name from then on."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from cli.render.foreign import printable
from router import RouterError, remember_fleet, user_file

__all__ = ["remember"]


def remember(name: str, settings: Mapping[str, str]) -> None:
    """Put the fleet into the user's configuration file, and say so; where that can't be done, say why."""
    path = user_file(os.environ)
    try:
        found = remember_fleet(path, name, settings)
    except RouterError as exc:
        _tell(f"the fleet is not in your configuration file: {exc}")
        return
    if found in {"added", "there"}:
        _tell(f"--fleet {name} names it from now on ([fleet.{name}] in {path})")
    elif found == "other":
        _tell(f"[fleet.{name}] in {path} has other settings, and stays as it is")


def _tell(text: str) -> None:
    sys.stderr.write(f"warmroute: {printable(text)}\n")
