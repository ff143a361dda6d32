"""The entry point of `warmroute`: its commands."""

from __future__ import annotations

from collections.abc import Sequence

from cli.program import Program, run_program

__all__ = ["PROGRAM", "run"]

PROGRAM = Program(
    name="warmroute",
    summary="Send every image build to the BuildKit daemon whose cache is already warm for it.",
    commands={name: f"cli.commands.{name}:command" for name in ("build", "where", "ls", "version")},
)


def run(words: Sequence[str] | None = None) -> None:
    """Run the program, and exit."""
    run_program(PROGRAM, words)
