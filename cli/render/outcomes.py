"""What became of builds to which something was to be done: lines on stdout, errors on stderr."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cli.render.foreign import lines_of, printable

if TYPE_CHECKING:
    from router import BuildOutcome

__all__ = ["tell_failures", "tell_outcomes"]


def tell_outcomes(outcomes: Sequence[BuildOutcome], done: str) -> None:
    """Print a line for each build, ``canceled REF on DAEMON``, and tell the failures."""
    for each in outcomes:
        if each.error is None:
            name = each.build.daemon.name
            sys.stdout.write(f"{done} {printable(each.build.record.ref)} on {printable(name)}\n")
    tell_failures(outcomes)


def tell_failures(outcomes: Sequence[BuildOutcome]) -> None:
    """Raise the first error, if there is one, after the others are told on stderr."""
    errors = [each.error for each in outcomes if each.error is not None]
    for error in errors[1:]:
        sys.stderr.write("".join(f"{line}\n" for line in lines_of(f"warmroute: {error}")))
    if errors:
        sys.stdout.flush()
        raise errors[0]
