"""`warmroute debug dump-llb`."""

from __future__ import annotations

import sys
from typing import Annotated

from cli.command_line import Argument, Option
from router.errors import UsageError

__all__ = ["command"]

_File = Annotated[str | None, Argument(metavar="FILE", help="Marshalled LLB. [dim]default, and -: stdin[/]")]
_Dot = Annotated[
    bool, Option(names=("--dot",), help="Print the graph, in the language of Graphviz.", panel="Display")
]


def command(file: _File = None, dot: _Dot = False) -> None:
    """Print LLB, each operation as a line of JSON."""
    from router.operations.debug_llb import dot_graph, json_lines, operations

    found = operations(_definition(file or "-"))
    sys.stdout.writelines(f"{line}\n" for line in (dot_graph(found) if dot else json_lines(found)))


def _definition(path: str) -> bytes:
    if path == "-":
        from cli.commands.stdin import read_stdin

        return read_stdin("the LLB", "debug dump-llb")
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as exc:
        raise UsageError(
            f"can't read {path}: {exc.strerror}", hint="give a file with marshalled LLB, or - for stdin"
        ) from exc
