"""The entry points of two older programs whose command lines are taken as they stand.

Each is read as its program read it and then carried out by the router. Where the old program let an option
count for nothing, that is kept and said.
"""

from __future__ import annotations

from typing import NoReturn

from cli.beginning import Beginning

with Beginning():  # what follows takes a while to load
    from cli.program import Program, run_process

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


def skaffold_buildkit_wrapper() -> NoReturn:
    """Run `skaffold-buildkit-wrapper`, and end the process."""
    run_process(SKAFFOLD_BUILDKIT_WRAPPER)


def buildkit_build() -> NoReturn:
    """Run `buildkit-build`, and end the process."""
    run_process(BUILDKIT_BUILD)
