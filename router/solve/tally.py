"""How much of a build came from the daemon's cache."""

from __future__ import annotations

from router.bounds import MOST_STEPS, put
from router.model.events import SolveStatus

__all__ = ["StepTally"]


class StepTally:
    """Counts the steps that build upon others, and those of them that were cached.

    Sources (a base image, the context), exports and what the frontend does for itself build upon nothing:
    they always run, and would make a build look cold that is as warm as can be. Vertexes of one progress
    group are one step, as in the displays.
    """

    def __init__(self) -> None:
        self._cached: dict[str, tuple[str, bool]] = {}

    def see(self, status: SolveStatus) -> None:
        """Take a message; what a step is told to be last counts."""
        for vertex in status.vertexes:
            group = vertex.progress_group
            if vertex.inputs and vertex.completed is not None and not (group is not None and group.weak):
                step = vertex.digest if group is None else group.id
                put(self._cached, vertex.digest, (step, vertex.cached), MOST_STEPS)

    def counts(self) -> tuple[int, int]:
        """Return how many steps were cached, and how many there are."""
        ran = {step for step, cached in self._cached.values() if not cached}
        steps = {step for step, _ in self._cached.values()}
        return len(steps) - len(ran), len(steps)
