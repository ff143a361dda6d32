"""``build --call``: the frontend's answer on stdout, and the exit code that it asks for."""

from __future__ import annotations

import os
import sys

from cli.render.call import render_answer
from router import BuildRequest, BuildResult, parse_call

__all__ = ["dockerfile_name", "print_answer"]


def print_answer(call: str, request: BuildRequest, result: BuildResult) -> None:
    """Print what the frontend answered to ``--call CALL``; exit where that is no success.

    Raises ``BuildError`` for a Dockerfile that a check found to be wrong, ``UsageError``.
    """
    answer = render_answer(parse_call(call), result.metadata, dockerfile_name(request))
    sys.stdout.write(answer.text)
    sys.stdout.flush()
    if answer.error is not None:
        raise answer.error
    if answer.status:
        sys.exit(answer.status)


def dockerfile_name(request: BuildRequest) -> str | None:
    """Return the Dockerfile's name for the user; what isn't on this machine has the frontend's."""
    if request.dockerfile_text is not None or request.dockerfile == "-":
        return "stdin"
    if request.generic or request.context_archive is not None or not os.path.isdir(request.context):
        return None
    return request.dockerfile or os.path.join(request.context, "Dockerfile")
