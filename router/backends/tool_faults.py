"""Why a program that built has failed: the build's own fault, or that the daemon was lost on the way.

By asking, not by reading messages: a failed step is the build's fault; else it is looked whether the daemon
answers the same program now.
"""

from __future__ import annotations

import os

from router.backends import BackendContext
from router.backends.tool import ToolOutput
from router.errors import ConnectionLostError, DialError, RouterError, ToolError
from router.model.daemon import Daemon
from router.program import Command
from router.running import Finished, Watch, run

__all__ = ["explained", "read_text"]


def explained(
    output: ToolOutput, done: Finished, daemon: Daemon, context: BackendContext, question: Command
) -> RouterError:
    """Return the error that a failed run comes to. ``question`` succeeds where the daemon answers."""
    error = output.build_error(done)
    if error.step:
        return error
    lost = _unreachable(question, context)
    if not lost:
        return error
    if output.started:
        return ConnectionLostError(f"{daemon.name} broke off the build: {output.message}", temporary=True)
    return DialError(f"can't reach {daemon.peer} with {question.argv[0]}: {lost}", temporary=True)


def read_text(path: str) -> str:
    """Return what a program wrote into a file, empty where it wrote none."""
    if not os.path.exists(path):
        return ""
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _unreachable(question: Command, context: BackendContext) -> str:
    """Return why the daemon can't be reached now, empty if it can."""
    watch = Watch(deadline=context.dial.timeout, cancellation=context.cancellation)
    try:
        done = run(question, watch)
    except ToolError as exc:
        return str(exc)
    return done.message.removeprefix("error: ") if done.returncode else ""
