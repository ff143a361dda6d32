"""How much of a build came from the daemon's cache, and how many bytes were sent for it."""

from __future__ import annotations

from router.bounds import MOST_STEPS, put
from router.model.events import SolveStatus
from router.solve.misses import is_step

__all__ = ["StepTally"]


class StepTally:
    """Counts the steps that build upon others, and how many of them were cached.

    The others always run, and would make the warmest build look cold. Vertexes of one progress group are one
    step, as in the displays.
    """

    def __init__(self) -> None:
        self._cached: dict[str, tuple[str, bool]] = {}
        self._sent: dict[str, int] = {}

    def see(self, status: SolveStatus) -> None:
        """Take a message; the last status of a step counts."""
        for vertex in status.vertexes:
            if is_step(vertex) and vertex.completed is not None:
                group = vertex.progress_group
                step = vertex.digest if group is None else group.id
                put(self._cached, vertex.digest, (step, vertex.cached), MOST_STEPS)

        for update in status.statuses:
            if update.id.startswith("transferring "):
                put(self._sent, f"{update.vertex} {update.id}", update.current, MOST_STEPS)

    @property
    def sent(self) -> int:
        """The bytes of contexts and Dockerfiles that the daemon took, descriptions of files included."""
        return sum(self._sent.values())

    def counts(self) -> tuple[int, int]:
        """Return the number of cached steps, and of all steps."""
        ran = {step for step, cached in self._cached.values() if not cached}
        steps = {step for step, _ in self._cached.values()}
        return len(steps) - len(ran), len(steps)
