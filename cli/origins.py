"""Where the values of a command's options come from."""

from __future__ import annotations

from typing import Literal

from cli.named import NamedTuple

__all__ = ["COMMAND_LINE", "Arguments", "Origin", "OriginKind", "from_variable"]

OriginKind = Literal["command line", "variable", "project", "user"]


class Origin(NamedTuple):
    """A variable has a ``name``; a file is the user's or a project's, with a table and a line in it."""

    kind: OriginKind
    name: str = ""
    table: str = ""
    line: int = 0

    def __str__(self) -> str:
        match self.kind:
            case "command line":
                return "the command line"
            case "variable":
                return f"the variable {self.name}"
            case _:
                return f"{self.name}:{self.line}"


COMMAND_LINE = Origin("command line")


def from_variable(name: str) -> Origin:
    """Return a variable as an origin."""
    return Origin("variable", name)


class Arguments(dict[str, object]):
    """The value of each parameter, by its name.

    ``origins`` says of those that were given by whom, an option that was given empty included; ``counting``
    are the names of those that have a value from there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.origins: dict[str, Origin] = {}
        self.counting: set[str] = set()

    def put(self, name: str, value: object, origin: Origin) -> None:
        """Take a value that was given."""
        self[name] = value
        self.origins[name] = origin
        self.counting.add(name)
