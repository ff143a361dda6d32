"""Which step is the first that missed, and what is said of it beside the build before."""

from __future__ import annotations

import pytest

from router.model.events import ProgressGroup, SolveStatus, Vertex
from router.model.frozen import replace
from router.model.miss import Miss, MissReason
from router.solve.misses import FirstMiss, KnownSteps

BASE = Vertex(digest="base", name="[1/4] FROM alpine", started=1, completed=2)
RUN = Vertex(digest="run", name="[2/4] RUN one", inputs=("base",), started=10, completed=20)
CONTEXT = Vertex(digest="context", name="[internal] load build context", started=1, completed=9)
COPY = Vertex(digest="copy", name="[3/4] COPY . .", inputs=("run", "context"), started=20, completed=21)
LAST = Vertex(digest="last", name="[4/4] RUN two", inputs=("copy",), started=21, completed=22)
EXPORT = Vertex(digest="export", name="exporting to image", started=30, completed=31)
IMAGE = (BASE, RUN, CONTEXT, COPY, LAST, EXPORT)


def progress(*cached: Vertex, anew: str = "") -> SolveStatus:
    """Return an image's progress with these steps cached; what comes from the context has its own digests."""
    own = {"context", "copy", "last", "export"}

    def named(digest: str) -> str:
        return digest + anew if digest in own else digest

    return SolveStatus(
        vertexes=tuple(
            replace(
                vertex,
                digest=named(vertex.digest),
                inputs=tuple(map(named, vertex.inputs)),
                cached=vertex in cached,
            )
            for vertex in IMAGE
        )
    )


def explained(status: SolveStatus, before: SolveStatus | None) -> Miss | None:
    first, known = FirstMiss(), KnownSteps()
    first.see(status)
    if before is None:
        return first.explained(None)
    known.see(before)
    return first.explained(known)


@pytest.mark.parametrize(
    ("cached", "before", "step", "reason"),
    [
        ((), SolveStatus(), RUN, "first"),
        ((), None, RUN, "unknown"),
        ((), progress(), RUN, "pruned"),
        ((), SolveStatus(vertexes=(replace(RUN, digest="old"),)), RUN, "differs"),
        ((RUN,), progress(), COPY, "files"),
        ((RUN,), SolveStatus(vertexes=(RUN,)), COPY, "differs"),
        ((RUN, COPY), progress(), LAST, "unknown"),
        ((RUN, COPY), SolveStatus(vertexes=(RUN,)), LAST, "differs"),
        ((RUN,), SolveStatus(vertexes=(BASE, RUN, replace(COPY, name="[3/9] COPY . ."))), COPY, "files"),
        ((RUN,), SolveStatus(vertexes=(replace(RUN, digest="moved"), COPY)), COPY, "differs"),
    ],
)
def test_the_step_and_the_build_before_say_why(
    cached: tuple[Vertex, ...], before: SolveStatus | None, step: Vertex, reason: MissReason
) -> None:
    assert explained(progress(*cached, anew="-2"), before) == Miss(step=step.name, reason=reason)


def test_where_all_steps_are_cached_none_missed() -> None:
    assert explained(progress(RUN, COPY, LAST), progress()) is None


def test_a_step_that_failed_before_is_none_of_those_that_are_known() -> None:
    failed = SolveStatus(vertexes=(BASE, replace(RUN, error="exit code 1")))

    assert explained(progress(anew="-2"), failed) == Miss(step=RUN.name, reason="differs")


def test_what_the_frontend_does_for_itself_is_no_step() -> None:
    weak = replace(RUN, progress_group=ProgressGroup(id="g", name="sending", weak=True))

    assert explained(SolveStatus(vertexes=(BASE, weak)), progress()) is None


def test_of_a_source_that_moves_nothing_is_claimed() -> None:
    remote = Vertex(digest="remote", name="https://a.test/x", started=1, completed=2)
    added = Vertex(
        digest="added", name="[2/2] ADD https://a.test/x /", inputs=("base", "remote"), completed=3
    )
    status = SolveStatus(vertexes=(BASE, remote, added))

    assert explained(status, status) == Miss(step=added.name, reason="unknown")
