"""Why a build was not as warm as it could be: its first step that missed, beside the build before. Pure."""

from __future__ import annotations

import re
from typing import Literal, assert_never

from router.bounds import MOST_STEPS, put, shortened
from router.model.events import SolveStatus, Vertex
from router.model.miss import Miss, MissReason

__all__ = ["FirstMiss", "KnownSteps", "is_step"]

# What a step builds on: a directory of the client's (or it is one), images alone, or anything else.
_Source = Literal["context", "files", "image", "other"]
# Characters of a step's name that are kept.
_LONGEST_NAME = 200


def is_step(vertex: Vertex) -> bool:
    """Say whether a vertex builds upon others. Sources (a base image, the context), exports and what the
    frontend does for itself don't: they always run."""
    group = vertex.progress_group
    return bool(vertex.inputs) and not (group is not None and group.weak)


class FirstMiss:
    """Hears of a build's progress, and keeps the first step that began although it might have been cached."""

    def __init__(self) -> None:
        self.vertex: Vertex | None = None
        self._sources: dict[str, _Source] = {}

    def see(self, status: SolveStatus) -> None:
        """Take a message."""
        for vertex in status.vertexes:
            put(self._sources, vertex.digest, self._source_of(vertex), MOST_STEPS)
            if not is_step(vertex) or vertex.cached or vertex.completed is None or vertex.error:
                continue
            if self.vertex is None or (vertex.started or 0) < (self.vertex.started or 0):
                self.vertex = vertex

    def explained(self, before: KnownSteps | None) -> Miss | None:
        """Return the step and why it missed; None where all steps were cached. ``before`` are the steps of
        the daemon's latest build of the key, None where it can't tell."""
        if self.vertex is None:
            return None
        return Miss(step=shortened(self.vertex.name, _LONGEST_NAME), reason=self._reason(self.vertex, before))

    def _reason(self, vertex: Vertex, before: KnownSteps | None) -> MissReason:
        if before is None:
            return "unknown"
        if not before.digests:
            return "first"
        is_known = _plain(vertex.name) in before.names
        match self._sources[vertex.digest]:
            case "image":
                return "pruned" if vertex.digest in before.digests else "differs"
            case "files" | "context":
                others = [digest for digest in vertex.inputs if self._sources.get(digest) == "image"]
                return "files" if is_known and all(map(before.digests.get, others)) else "differs"
            case "other":
                # Its digest is new in each build, or does not name its content; nor does its name tell what
                # arguments it sees.
                return "unknown" if is_known else "differs"
            case unknown:
                assert_never(unknown)

    def _source_of(self, vertex: Vertex) -> _Source:
        if _is_context(vertex):
            return "context"
        if not vertex.inputs:
            return "image" if _is_fixed(vertex) else "other"
        sources = {self._sources.get(digest, "image") for digest in vertex.inputs}
        return "files" if "context" in sources else "other" if sources - {"image"} else "image"


class KnownSteps:
    """Takes the progress of a build that is over.

    A digest names what a step does and builds upon. That of a context is another in each build, and so is
    that of each step that has to do with it: of these the name is all that can be compared.
    """

    def __init__(self) -> None:
        self.digests: dict[str, bool] = {}
        self.names: dict[str, bool] = {}

    def see(self, status: SolveStatus) -> None:
        """Take a message."""
        for vertex in status.vertexes:
            if vertex.completed is not None and not vertex.error:
                put(self.digests, vertex.digest, True, MOST_STEPS)
                put(self.names, _plain(vertex.name), True, MOST_STEPS)


def _plain(name: str) -> str:
    """Return a step's name without its number, which changes with the steps around it."""
    return re.sub(r" ?\d+/\d+\]", "]", name, count=1)


def _is_fixed(vertex: Vertex) -> bool:
    """Say whether the digest of a source names its content: that of an image does, by the image's own."""
    return "FROM " in vertex.name or vertex.name.startswith(
        ("docker-image://", "oci-layout://", "[internal]")
    )


def _is_context(vertex: Vertex) -> bool:
    """Say whether a vertex is a directory of the client's, by the names that frontends give it."""
    return vertex.name.startswith(("[internal] load build context", "[context ", "local://"))
