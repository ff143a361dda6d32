"""`warmroute debug dump-llb`."""

from __future__ import annotations

import sys

import router as library
from cli.given.files import GivenFiles
from cli.given.stdin import read_stdin
from cli.groups import OptionGroup, argument, option

__all__ = ["command"]


class GraphOptions(OptionGroup, panel="Display"):
    """Which LLB, and how it is printed."""

    file: str | None = argument("FILE", default=None, help="Marshalled LLB. [dim]default, and -: stdin[/]")
    dot: bool = option("--dot", default=False, help="Print the graph, in the language of Graphviz.")


def command(graph: GraphOptions) -> None:
    """Print LLB, each operation as a line of JSON."""
    found = library.llb_operations(_definition(graph.file or "-"))
    sys.stdout.writelines(
        f"{line}\n" for line in (library.llb_as_dot(found) if graph.dot else library.llb_as_json(found))
    )


def _definition(path: str) -> bytes:
    if path == "-":
        return read_stdin("the LLB", "debug dump-llb")
    return GivenFiles().content(path, "the LLB", "give a file with marshalled LLB, or - for stdin")
