"""What others call: a definition out of files, and of it the plan of what is asked for.

What is wrong in a definition leaves here as a ``UsageError`` that shows the line.
"""

from __future__ import annotations

from collections.abc import Sequence

from router.bake.compose import Read
from router.bake.definition import BakeDefinition, BakeFile, BakePlan, parse_files, plan
from router.bake.outside import BakeOutside
from router.bake.places import DefinitionFault, as_usage_error

__all__ = ["plan_bake", "read_bake"]


def read_bake(files: Sequence[BakeFile], outside: BakeOutside, read: Read) -> BakeDefinition:
    """Read a definition of many builds, as `docker buildx bake` does: HCL, JSON and compose files.

    ``read`` returns the content of a file that a compose file names, by its path relative to the working
    directory, or None where there is none. Raises ``UsageError``.
    """
    try:
        return parse_files(files, outside, read)
    except DefinitionFault as fault:
        raise as_usage_error(fault) from None


def plan_bake(
    definition: BakeDefinition, wanted: Sequence[str], overrides: Sequence[str], outside: BakeOutside
) -> BakePlan:
    """Return the targets that are asked for by name, group or pattern, with those that they use as contexts.

    ``overrides`` are ``target.key=value``, as for ``--set``; see ``bake_overrides`` for other flags. Raises
    ``UsageError``.
    """
    try:
        return plan(definition, wanted, overrides, outside)
    except DefinitionFault as fault:
        raise as_usage_error(fault) from None
