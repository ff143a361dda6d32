"""`warmroute exec`: a command with BUILDKIT_HOST of the chosen daemon."""

from __future__ import annotations

import sys

import router as library
from cli.build_options import Subject
from cli.chosen import announce, end_as
from cli.given.requests import prepare
from cli.groups import OptionGroup, argument
from cli.interruption import Silent, interruptible
from cli.options import ConnectionRouting, VerboseDisplay
from cli.render.output import say

__all__ = ["command"]


class CommandArguments(OptionGroup):
    """The other program's command line."""

    words: list[str] = argument(
        "COMMAND",
        help="The command to run, and its arguments.",
        missing="exec needs a command: warmroute exec -- COMMAND",
        rest=True,
    )


def command(
    arguments: CommandArguments, subject: Subject, routing: ConnectionRouting, display: VerboseDisplay
) -> None:
    """Run a command with BUILDKIT_HOST of the daemon that a build would go to: buildctl, buildx, a script."""
    config, request = prepare(routing, subject)
    router = library.BuildRouter(config)
    with interruptible(Silent(heeds=False)):
        connected = router.connect(request, on_event=announce(display.verbose))
    with connected as connection:
        code = library.run_with_daemon(connection, arguments.words, router.dial_options, tell=say)
    if code:
        sys.stdout.flush()
        end_as(code)
