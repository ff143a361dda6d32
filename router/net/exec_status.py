"""Explain how ``buildctl dial-stdio`` ended, in a pod, a container or on another machine. Pure."""

from __future__ import annotations

import re

from router.errors import ConnectionLostError, DialError, UnreachableError
from router.model.frozen import frozen
from router.untrusted_json import NotJSONError, elements, read_json, text

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
"""The command that runs beside a daemon and connects it to stdin and stdout."""

_MOST_STATUS = 1 << 16
_EXIT_CODE = re.compile(r"-?[0-9]{1,9}")

# The answers of runtimes if a program is not in the image.
_NOT_FOUND = ("executable file not found", "no such file or directory", "not found in $path")
_NOT_FOUND_CODES = frozenset({126, 127})
POD_IMAGE = (
    "an image with buildctl is needed, such as moby/buildkit; is it the right container? "
    "(--container, container= in the address, the pod's annotation kubectl.kubernetes.io/default-container)"
)
"""The hint for a pod without buildctl."""

CONTAINER_IMAGE = "an image with buildctl is needed, such as moby/buildkit; is it the right container?"
"""The hint for a container without buildctl."""


@frozen
class ExecEnd:
    """How the command ended: its exit code if it ran to its end, else a message."""

    succeeded: bool = False
    exit_code: int | None = None
    message: str = ""


def read_status(content: bytes) -> ExecEnd:
    """Read the Status from the error channel after the command has ended."""
    try:
        value = read_json(content, most=_MOST_STATUS)
    except NotJSONError:
        value = None
    if not isinstance(value, dict):
        return ExecEnd(message=content[:_MOST_STATUS].decode(errors="replace").strip())
    if text(value, "status") == "Success":
        return ExecEnd(succeeded=True, exit_code=0)
    codes = [
        text(cause, "message")
        for cause in elements(value, "details", "causes")
        if text(cause, "reason") == "ExitCode"
    ]
    known = bool(codes) and _EXIT_CODE.fullmatch(codes[0]) is not None
    return ExecEnd(exit_code=int(codes[0]) if known else None, message=text(value, "message"))


def command_failed(
    where: str, end: ExecEnd, stderr: bytes, *, answered: bool, missing_hint: str
) -> UnreachableError:
    """Return the error for a command that ended while it was still needed.

    ``answered`` says whether it had written to stdout, so that it had reached a daemon; ``missing_hint`` is
    the hint if there is no buildctl.
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
    return end.message or "no reason given"


def last_line(stderr: bytes) -> str:
    """Return the last line with text, without the word error before it."""
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "").removeprefix("error: ")
