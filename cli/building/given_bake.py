"""A bake as the command line has it: where its definition is, and what is to be built of it."""

from __future__ import annotations

import os
from collections.abc import Sequence

import router as library
from cli.bake_options import BakeOptions
from cli.building.baking import Prepared
from cli.given.definitions import (
    bake_outside,
    definition_files,
    definition_names,
    read_beside,
    remote_files,
)
from cli.given.files import GivenFiles
from cli.named import NamedTuple
from router import BakeDefinition, BakeFile, BakeOutside, BakePlan, Cancellation, RouterConfig

__all__ = ["GivenBake"]

_EPOCH = "SOURCE_DATE_EPOCH"
_HERE = "cwd://"


class _Read(NamedTuple):
    """A definition with what it was made of."""

    definition: BakeDefinition
    files: Sequence[BakeFile]
    outside: BakeOutside


class GivenBake:
    """A definition, here or in a repository whose URL stands before the targets, and what ``flags`` set."""

    def __init__(self, bake: BakeOptions, flags: Sequence[str], config: RouterConfig) -> None:
        self._bake = bake
        self._flags = flags
        self._config = config
        words = list(bake.targets or ())
        # As for buildx: a second URL is what the definition takes for the place of the command.
        remote = [words.pop(0) for _ in range(2) if words and library.is_remote_definition(words[0])]
        self._remote, self._context = (*remote, "", "")[:2]
        self._wanted = words or ["default"]

    def read(self, cancellation: Cancellation) -> _Read:
        """Read the definition. Raises ``UsageError``; from a repository, what a build raises."""
        given = GivenFiles(cancellation)
        outside = bake_outside(self._bake.variables, self._remote, self._context or _HERE)
        names = definition_names(self._bake.files)
        if self._remote:
            files = remote_files(self._remote, names, self._config, (given, cancellation))
            return _Read(library.read_bake(files, outside, lambda _: None), files, outside)
        files = definition_files(names, given)
        return _Read(library.read_bake(files, outside, lambda path: read_beside(path, given)), files, outside)

    def plan(self, read: _Read) -> BakePlan:
        """Return the targets that are wanted, with what is set."""
        overrides = [*(self._bake.overrides or ()), *self._flags]
        return _with_epoch(library.plan_bake(read.definition, self._wanted, overrides, read.outside))

    def prepared(self, cancellation: Cancellation) -> Prepared:
        """Return the plan, and its builds with their keys: without an image these begin with the place of
        the first file."""
        read = self.read(cancellation)
        plan = self.plan(read)
        directory = os.path.dirname(read.files[0].name) or "."
        keys = library.BakeKeys(directory, self._config.key, remote=self._remote)
        place = library.BakePlace(environment=os.environ, local=library.local_platform(), remote=self._remote)
        builds = library.bake_builds(plan, keys, place)
        return Prepared(plan, builds, self._bake.allow or (), bool(self._remote))


def _with_epoch(plan: BakePlan) -> BakePlan:
    """Return a plan whose targets have the environment's time of sources, as buildx gives it to them."""
    epoch = os.environ.get(_EPOCH)
    if not epoch:
        return plan
    targets = {
        name: each._replace(args={_EPOCH: epoch, **(each.args or {})}) for name, each in plan.targets.items()
    }
    return plan._replace(targets=targets)
