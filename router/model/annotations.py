"""What the annotations of a pod tell warmroute."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CORDON", "MAX_BUILDS", "PLATFORMS", "cordon", "max_builds", "platforms"]

CORDON = "warmroute.dev/cordon"
MAX_BUILDS = "warmroute.dev/max-builds"
PLATFORMS = "warmroute.dev/platforms"

_MOST_REASON = 200
_MOST_DIGITS = 9


def cordon(annotations: Mapping[str, str]) -> str | None:
    """Return None where the daemon takes builds, else the reason why not, empty where none is given.

    Any value but ``false`` cordons; ``true`` and an empty one give no reason.
    """
    value = annotations.get(CORDON)
    if value is None or value.strip().lower() == "false":
        return None
    reason = " ".join(value.split())[:_MOST_REASON]
    return "" if reason.lower() == "true" else reason


def max_builds(annotations: Mapping[str, str]) -> int | None:
    """Return the daemon's own bound on builds in flight, 0 for none at all; None where no number is set."""
    value = annotations.get(MAX_BUILDS, "").strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS else None


def platforms(annotations: Mapping[str, str]) -> tuple[str, ...]:
    """Return the platforms that the daemon is said to build for, emulated ones with the rest."""
    return tuple(filter(None, (part.strip() for part in annotations.get(PLATFORMS, "").split(","))))
