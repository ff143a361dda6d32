"""Builds as backends get them, with files and without."""

from __future__ import annotations

from router.flags.output import resolve_outputs
from router.model.request import BuildRequest
from router.once import OneTimeFiles
from router.providers.secrets import SecretStore
from router.solve.located import Located, NoFiles
from router.solve.prepared import PreparedBuild, prepare_build

__all__ = ["looked_up", "prepared"]


def prepared(request: BuildRequest) -> PreparedBuild:
    """Return a build that reads nothing."""
    return PreparedBuild(
        request=request,
        outputs=resolve_outputs(request.outputs, push=request.push, load=request.load, tags=request.tags),
        located=Located(context=NoFiles()),
        secrets=SecretStore((), {}),
    )


def looked_up(request: BuildRequest) -> PreparedBuild:
    """Return a build whose files are there."""
    return prepare_build(request, {}, OneTimeFiles())
