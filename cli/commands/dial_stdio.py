"""`warmroute dial-stdio`: the chosen daemon on stdin and stdout."""

from __future__ import annotations

import os
import sys

import router as library
from cli.build_options import Subject
from cli.chosen import announce
from cli.given.requests import prepare
from cli.interruption import Silent, interruptible
from cli.options import ConnectionRouting, VerboseDisplay
from router import UsageError

__all__ = ["command"]


def command(subject: Subject, routing: ConnectionRouting, display: VerboseDisplay) -> None:
    """Connect stdin and stdout to the daemon that a build would go to, as `buildctl dial-stdio` does."""
    config, request = prepare(routing, subject)
    if os.isatty(sys.stdin.fileno()):
        raise UsageError(
            "dial-stdio carries a daemon's protocol, and stdin is a terminal",
            hint="dial-stdio is for programs; `warmroute exec -- buildctl ...` runs one",
        )
    router = library.BuildRouter(config)
    with interruptible(Silent(heeds=False)):
        connected = router.connect(request, on_event=announce(display.verbose))
    with connected as connection:
        library.dial_stdio(connection)
