"""Why a build was not as warm as possible: its first cache miss, compared with the build before. Pure."""

from __future__ import annotations

import re
from typing import Literal, assert_never

from router.bounds import MOST_STEPS, put, shortened
from router.model.events import SolveStatus, Vertex
from router.model.miss import Miss, MissReason

__all__ = ["FirstMiss", "KnownSteps", "is_step"]

# The inputs of a step: a directory of the client's (or the step is one), only images, or anything else.
_Source = Literal["context", "files", "image", "other"]
# Characters kept of a step's name.
_LONGEST_NAME = 200


def is_step(vertex: Vertex) -> bool:
    """Say whether a vertex builds upon others. Sources (a base image, the context), exports and the
    frontend's own steps don't: they always run."""
    group = vertex.progress_group
    return bool(vertex.inputs) and not (group is not None and group.weak)


class FirstMiss:
    """Follows a build's progress, and keeps the first step that ran although it might have been cached."""

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
        """Return the step and why it missed; None if all steps were cached. ``before`` are the steps of the
        daemon's latest build of the key, None if they are unknown."""
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
                # Its digest is new in each build, or does not identify its content; nor does its name show
                # which arguments it uses.
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
    """Reads the progress of a finished build.

    A digest identifies a step and its inputs. A context has a new digest in each build, and so has each step
    that depends on it: of these only the names can be compared.
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
    """Return a step's name without its number, which changes when steps around it do."""
    return re.sub(r" ?\d+/\d+\]", "]", name, count=1)


def _is_fixed(vertex: Vertex) -> bool:
    """Say whether a source's digest identifies its content: an image's does, by the image's own digest."""
    return "FROM " in vertex.name or vertex.name.startswith(
        ("docker-image://", "oci-layout://", "[internal]")
    )


def _is_context(vertex: Vertex) -> bool:
    """Say whether a vertex is a directory of the client's, by the names that frontends use."""
    return vertex.name.startswith(("[internal] load build context", "[context ", "local://"))
