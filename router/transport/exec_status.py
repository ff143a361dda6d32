"""What a Kubernetes API server says about a command in a pod, in words that can be acted on. Pure."""

from __future__ import annotations

import json

from router.errors import ConnectionLostError, DialError, UnreachableError
from router.model.frozen import frozen
from router.transport.http1 import Reply
from router.transport.kube_api import status_message

__all__ = ["ExecEnd", "command_failed", "exec_refused", "read_status"]

# What runtimes answer for a program that is not in the image.
_NOT_FOUND = ("executable file not found", "no such file or directory", "not found in $path")
_NOT_FOUND_CODES = frozenset({126, 127})
_NO_BUILDCTL_HINT = (
    "an image with buildctl is needed, such as moby/buildkit; is it the right container? "
    "(container= in the address, or the pod's annotation kubectl.kubernetes.io/default-container)"
)


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


def command_failed(where: str, end: ExecEnd, stderr: bytes, *, answered: bool) -> UnreachableError:
    """Return the error for a command that ended although it was still needed.

    ``answered`` says whether it had written anything to stdout, so that it had reached a daemon.
    """
    said = _last_line(stderr)
    if not answered:
        if _is_missing(end, said):
            return DialError(
                f"can't run buildctl in {where}: it is not in the container",
                hint=_NO_BUILDCTL_HINT,
                reason="no-buildctl",
            )
        return DialError(
            f"buildctl dial-stdio in {where} failed: {said or _describe(end)}",
            hint="does buildkitd run in that container, and does BUILDKIT_HOST there name its address?",
            temporary=True,
        )
    told = f"{_describe(end)}: {said}" if said else _describe(end)
    return ConnectionLostError(f"buildctl dial-stdio in {where} ended: {told}", temporary=True)


def exec_refused(where: str, namespace: str, reply: Reply) -> DialError:
    """Return the error for an API server that did not start the command."""
    said = status_message(reply)
    match reply.status:
        case 401:
            return DialError(
                f"can't run a command in {where}: the API server does not accept the credentials",
                hint="kubectl auth whoami; a token may have expired",
                reason="unauthorized",
            )
        case 403:
            return DialError(
                f"can't run a command in {where}: pods/exec is forbidden ({said.rstrip(': ')})",
                hint=f"a Role in namespace {namespace} must allow the verbs create and get on pods/exec",
                reason="forbidden",
            )
        case 404:
            return DialError(f"{where} does not exist: {said}", reason="no-pod", temporary=True)
        case 400 if "container" in said:
            return DialError(
                f"can't run a command in {where}: {said}", hint="name another one: container= in the address"
            )
        case status:
            return DialError(f"can't run a command in {where}: {status} {said}", temporary=status >= 500)


def _is_missing(end: ExecEnd, said: str) -> bool:
    text = f"{end.message} {said}".lower()
    if end.exit_code is None:
        return "buildctl" in text and any(words in text for words in _NOT_FOUND)
    return end.exit_code in _NOT_FOUND_CODES


def _describe(end: ExecEnd) -> str:
    if end.exit_code is not None:
        return f"exit code {end.exit_code}"
    return end.message or "no reason was given"


def _last_line(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "").removeprefix("error: ")
