"""The variables that options can come from: whether one is known; and where an option came from, for errors.

Loaded where a variable is not one of the command's, and where something is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from cli.groups import Option, variable
from cli.origins import COMMAND_LINE, Arguments
from cli.parameters import Parameter, parameters_of
from router import UsageError

__all__ = ["unknown_variables", "with_sources"]

_PREFIX = "WARMROUTE_"

# What Kubernetes gives each container for a Service whose name begins like that.
_OF_A_SERVICE = re.compile(r"\w+_SERVICE_(?:HOST|PORT\w*)|\w+_PORT(?:_\d+_(?:TCP|UDP|SCTP)\w*)?")


def unknown_variables(names: Iterable[str], commands: Iterable[Callable[..., None]]) -> Iterator[str]:
    """Yield a sentence about each of the ``names`` that none of the commands knows."""
    known = {
        variable(parameter.declared).removeprefix(_PREFIX)
        for command in commands
        for parameter in parameters_of(command)
        if isinstance(parameter.declared, Option)
    }
    from difflib import get_close_matches

    for name in sorted(set(names)):
        own = name.removeprefix(_PREFIX)
        if own in known or _OF_A_SERVICE.fullmatch(name):
            continue
        near = get_close_matches(own, known, n=1, cutoff=0.75)
        meant = f"did you mean {_PREFIX}{near[0]}?" if near else "no option has this variable"
        yield f"the variable {name} is unknown: {meant}"


def with_sources(error: UsageError, parameters: Sequence[Parameter], arguments: Arguments) -> UsageError:
    """Return the error; its hint says where an option that it is about comes from, if not from the command
    line."""
    said = f"{error} {error.hint or ''}"
    found = [
        f"{option.names[0]} comes from {origin}"
        for parameter in parameters
        if isinstance(option := parameter.declared, Option)
        and (origin := arguments.origins.get(parameter.name, COMMAND_LINE)) != COMMAND_LINE
        and re.search(rf"(?<![\w-]){option.names[0]}(?![\w-])", said)
    ]
    error.hint = "; ".join(filter(None, [error.hint, *found])) or None
    return error
