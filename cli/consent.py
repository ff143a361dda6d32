"""Before much is deleted: a question on a terminal, and --force where nobody could answer one."""

from __future__ import annotations

import sys

from cli.groups import OptionGroup, option
from cli.render.foreign import printable
from cli.render.output import say
from router import UsageError

__all__ = ["Consent", "agreed", "require_consent"]


class Consent(OptionGroup, panel="Deletion"):
    """Whether it is asked before."""

    force: bool = option("--force", "-f", default=False, help="Don't ask.")


def require_consent(consent: Consent, verb: str, *, hint: str = "") -> None:
    """Raise ``UsageError`` where it is neither given nor could be asked for; to be called before anything is
    connected. ``hint`` is what else can be done."""
    if not consent.force and (sys.stdin is None or not sys.stdin.isatty()):
        others = f", {hint}" if hint else ""
        raise UsageError(
            f"{verb} asks before it deletes, and stdin is no terminal",
            hint=f"--force deletes without a question{others}",
        )


def agreed(consent: Consent, deletes: str) -> bool:
    """Ask whether to go on with what ``deletes`` says; say so where nothing is deleted."""
    if consent.force:
        return True
    sys.stderr.write(f"This deletes {printable(deletes)}.\nGo on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    say("nothing was deleted")
    return False
