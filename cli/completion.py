"""The completion of a shell that is named; that of the shell around us Typer finds out by itself."""

from __future__ import annotations

import sys

# Typer's own options take no name of a shell where it can find out which is around.
from typer._completion_shared import Shells, get_completion_script, install

from router import UsageError

__all__ = ["complete_in"]


def complete_in(shell: str, *, program: str, variable: str, option: str) -> None:
    """Print a shell's completion script, or install it. Raises ``UsageError`` for a shell that has none.

    ``variable`` is what the script sets for the program that it calls.
    """
    if shell not in list(Shells):
        raise UsageError(f"no completion for the shell {shell}", hint=f"choose one of {', '.join(Shells)}")
    if option == "--show-completion":
        script = get_completion_script(prog_name=program, complete_var=variable, shell=shell)
        sys.stdout.write(f"{script}\n")
    else:
        _, path = install(shell=shell, prog_name=program, complete_var=variable)
        sys.stdout.write(f"{shell} completion installed in {path}\n")
