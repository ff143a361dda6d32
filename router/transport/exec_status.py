"""How ``buildctl dial-stdio`` ended, in a pod, a container or on another machine, in words. Pure."""

from __future__ import annotations

import json

from router.errors import ConnectionLostError, DialError, UnreachableError
from router.model.frozen import frozen

__all__ = [
    "CONTAINER_IMAGE",
    "DIAL_STDIO",
    "POD_IMAGE",
    "ExecEnd",
    "command_failed",
    "last_line",
    "read_status",
]

DIAL_STDIO = ("buildctl", "dial-stdio")
"""What is run beside a daemon to speak with it over stdin and stdout."""

# What runtimes answer for a program that is not in the image.
_NOT_FOUND = ("executable file not found", "no such file or directory", "not found in $path")
_NOT_FOUND_CODES = frozenset({126, 127})
POD_IMAGE = (
    "an image with buildctl is needed, such as moby/buildkit; is it the right container? "
    "(--container, container= in the address, the pod's annotation kubectl.kubernetes.io/default-container)"
)
"""What to do where a pod has no buildctl."""

CONTAINER_IMAGE = "an image with buildctl is needed, such as moby/buildkit; is it the right container?"
"""What to do where a container has no buildctl."""


@frozen
class ExecEnd:
    """How the command ended: its exit code where it ran to an end, else what is known."""

    succeeded: bool = False
    exit_code: int | None = None
    message: str = ""


def read_status(content: bytes) -> ExecEnd:
    """Read the Status that the error channel carries when the command has ended."""
    try:
        status = json.loads(content)
        causes = (status.get("details") or {}).get("causes") or ()
        codes = [int(cause["message"]) for cause in causes if cause.get("reason") == "ExitCode"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ExecEnd(message=content.decode(errors="replace").strip())
    if status.get("status") == "Success":
        return ExecEnd(succeeded=True, exit_code=0)
    return ExecEnd(exit_code=codes[0] if codes else None, message=str(status.get("message", "")))


def command_failed(
    where: str, end: ExecEnd, stderr: bytes, *, answered: bool, missing_hint: str
) -> UnreachableError:
    """Return the error for a command that ended although it was still needed.

    ``answered`` says whether it had written anything to stdout, so that it had reached a daemon;
    ``missing_hint`` is what to do where there is no buildctl.
    """
    said = last_line(stderr)
    if not answered:
        if _is_missing(end, said):
            return DialError(
                f"can't run buildctl in {where}: it is not in the container",
                hint=missing_hint,
                reason="no-buildctl",
            )
        return DialError(
            f"buildctl dial-stdio in {where} failed: {said or _describe(end)}",
            hint="does buildkitd run in that container, and does BUILDKIT_HOST there name its address?",
            reason="command",
            temporary=True,
        )
    told = f"{_describe(end)}: {said}" if said else _describe(end)
    return ConnectionLostError(f"buildctl dial-stdio in {where} ended: {told}", temporary=True)


def _is_missing(end: ExecEnd, said: str) -> bool:
    text = f"{end.message} {said}".lower()
    if end.exit_code is None:
        return "buildctl" in text and any(words in text for words in _NOT_FOUND)
    return end.exit_code in _NOT_FOUND_CODES


def _describe(end: ExecEnd) -> str:
    if end.exit_code is not None:
        return f"exit code {end.exit_code}"
    return end.message or "no reason was given"


def last_line(stderr: bytes) -> str:
    """Return the last line that says something, without the word error before it."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "").removeprefix("error: ")
