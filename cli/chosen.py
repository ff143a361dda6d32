"""What the commands that hand a daemon on to other programs have in common: few words, and its exit."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from cli.render.output import say
from router import Event, Notice

__all__ = ["announce", "end_as"]


def announce(verbosity: int) -> Callable[[Event], None]:
    """Return what writes notices to stderr: stdout is the other program's."""

    def tell(event: Event) -> None:
        if isinstance(event, Notice) and (verbosity or event.level != "verbose"):
            say(event.text)

    return tell


def end_as(code: int) -> None:
    """End this process as another one ended: with its exit code, or by the signal (negative) it died of."""
    if code < 0:
        import resource

        # Its own core, if any, is the one worth looking at.
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        if -code != signal.SIGKILL:  # which can't be anything else
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code if code > 0 else 128 - code)
