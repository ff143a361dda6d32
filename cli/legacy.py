"""The entry points of two older programs whose command lines are taken as they stand.

Each is read as its program read it and then carried out by the router. Where the old program let an option
count for nothing, that is kept and said.
"""

from __future__ import annotations

from collections.abc import Sequence

from cli.program import Program, run_program

__all__ = ["BUILDKIT_BUILD", "SKAFFOLD_BUILDKIT_WRAPPER", "buildkit_build", "skaffold_buildkit_wrapper"]

SKAFFOLD_BUILDKIT_WRAPPER = Program(
    name="skaffold-buildkit-wrapper",
    summary="warmroute with the command line and the defaults of skaffold-buildkit-wrapper.",
    commands={"build": "cli.commands.wrapper_build:command"},
)
BUILDKIT_BUILD = Program(
    name="buildkit-build",
    summary="warmroute with the command line and the defaults of buildkit-build.",
    commands={"": "cli.commands.buildkit_build:command"},
)


def skaffold_buildkit_wrapper(words: Sequence[str] | None = None) -> None:
    """Run `skaffold-buildkit-wrapper`, and exit."""
    run_program(SKAFFOLD_BUILDKIT_WRAPPER, words)


def buildkit_build(words: Sequence[str] | None = None) -> None:
    """Run `buildkit-build`, and exit."""
    run_program(BUILDKIT_BUILD, words)
