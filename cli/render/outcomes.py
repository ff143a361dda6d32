"""What became of builds to which something was to be done: lines on stdout, errors on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from cli.render.foreign import printable
from cli.render.output import say_lines

if TYPE_CHECKING:
    from router import BuildOutcome

__all__ = ["tell_outcomes"]


def tell_outcomes(
    outcomes: Sequence[BuildOutcome], done: str, form: Literal["table", "json"] = "table"
) -> None:
    """Print what became of each build, in ``table`` as ``canceled REF on DAEMON``.

    Raises the first error, if there is one, after the others are told on stderr.
    """
    if form == "json":
        sys.stdout.write(f"{json.dumps([_values(each, done) for each in outcomes], indent=2)}\n")
    for each in outcomes if form == "table" else ():
        if each.error is None:
            name = each.build.daemon.name
            sys.stdout.write(f"{done} {printable(each.build.record.ref)} on {printable(name)}\n")
    errors = [each.error for each in outcomes if each.error is not None]
    for error in errors[1:]:
        say_lines(str(error))
    if errors:
        sys.stdout.flush()
        raise errors[0]


def _values(outcome: BuildOutcome, done: str) -> dict[str, object]:
    return {
        "ref": outcome.build.record.ref,
        "daemon": outcome.build.daemon.name,
        done: outcome.error is None,
        "error": None if outcome.error is None else str(outcome.error),
    }
