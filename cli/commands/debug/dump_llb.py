"""`warmroute debug dump-llb`."""

from __future__ import annotations

import sys

from cli.groups import OptionGroup, argument, option
from router.errors import UsageError

__all__ = ["command"]


class GraphOptions(OptionGroup, panel="Display"):
    """Which LLB, and how it is printed."""

    file: str | None = argument("FILE", default=None, help="Marshalled LLB. [dim]default, and -: stdin[/]")
    dot: bool = option("--dot", default=False, help="Print the graph, in the language of Graphviz.")


def command(graph: GraphOptions) -> None:
    """Print LLB, each operation as a line of JSON."""
    from router.operations.debug_llb import dot_graph, json_lines, operations

    found = operations(_definition(graph.file or "-"))
    sys.stdout.writelines(f"{line}\n" for line in (dot_graph(found) if graph.dot else json_lines(found)))


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
