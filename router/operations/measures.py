"""What counts as a warm build, and percentiles: one measure for all that tells of builds. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

__all__ = ["WARM_FROM", "is_warm", "percentile"]

WARM_FROM = 0.5
"""The share of the cached steps of the warmest build of the same that a warm one has at least."""

# Of all steps: some cached ones, as of a base that images share, make no warm build.
_LEAST_SHARE = 0.25


def is_warm(cached: int, total: int, *, warmest: int, warm_from: float = WARM_FROM) -> bool:
    """Say whether a build with so many cached of ``total`` steps was warm; ``warmest`` is the most cached
    steps of a build of the same."""
    return cached >= max(warm_from * warmest, _LEAST_SHARE * total, 1)


def percentile(values: Sequence[float], percent: int) -> float | None:
    """Return the smallest value that so many percent of them do not exceed, None where there are none."""
    if not values:
        return None
    ranked = sorted(values)
    return ranked[max(math.ceil(percent / 100 * len(ranked)), 1) - 1]
