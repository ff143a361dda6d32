"""Where a request's Dockerfile is: in a directory on this machine, behind a link, or at a URL."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from stat import S_ISREG

from router.descriptors import limit_hint
from router.errors import UsageError, os_reason
from router.flags.context import MAX_DOCKERFILE
from router.model.frozen import replace
from router.model.request import BuildRequest
from router.once import OneTimeFiles, is_one_time
from router.readable import Fault, file_fault

__all__ = [
    "existing_file",
    "files_of_link",
    "find_dockerfile",
    "piped_dockerfile",
    "remote_dockerfile",
    "with_piped_dockerfile",
]


def remote_dockerfile(request: BuildRequest) -> str:
    """Return the URL that the Dockerfile is downloaded from, empty if it isn't at a URL."""
    named = request.dockerfile or ""
    is_url = named.startswith(("http://", "https://")) and request.dockerfile_text is None
    return named if is_url and not request.generic else ""


def piped_dockerfile(request: BuildRequest) -> str:
    """Return the path of a Dockerfile that can be read only once (``<(command)``), empty for any other."""
    named = request.dockerfile or ""
    piped = request.dockerfile_text is None and not request.generic and named and is_one_time(named)
    return named if piped else ""


def with_piped_dockerfile(request: BuildRequest, files: OneTimeFiles) -> BuildRequest:
    """Return the request with the text of such a Dockerfile, as if it had been read from stdin.

    Raises ``UsageError``.
    """
    path = piped_dockerfile(request)
    if not path:
        return request
    try:
        text = files.read(path, MAX_DOCKERFILE)
    except OSError as exc:
        if exc.errno == errno.EBADF:
            raise UsageError(
                f"the Dockerfile should come from stdin (--file {path}), but stdin is closed",
                hint="redirect it: warmroute build --file - ... < FILE",
                reason="dockerfile",
            ) from exc
        raise UsageError(f"can't read the Dockerfile {path}: {os_reason(exc)}", reason="dockerfile") from exc
    if len(text) > MAX_DOCKERFILE:
        raise _too_large(path)
    return replace(request, dockerfile=None, dockerfile_text=text)


def find_dockerfile(context: str, named: str | None) -> tuple[str, str]:
    """Return folder and name of the Dockerfile for a context directory. Raises ``UsageError``."""
    if named:
        return existing_file(named)
    path = os.path.join(context, "Dockerfile")
    if not os.path.lexists(path) and os.path.lexists(os.path.join(context, "dockerfile")):
        path = os.path.join(context, "dockerfile")
    return existing_file(path)


def existing_file(path: str) -> tuple[str, str]:
    """Return folder and name of a Dockerfile that must exist. Raises ``UsageError``."""
    if fault := file_fault(path):
        raise _unusable(path, fault)
    if os.path.getsize(path) > MAX_DOCKERFILE:
        raise _too_large(path)
    directory, name = os.path.split(path)
    return directory or ".", name


def _unusable(path: str, fault: Fault) -> UsageError:
    if not os.path.isabs(path):
        try:
            os.getcwd()
        except FileNotFoundError:
            return UsageError("the working directory has been removed", hint="cd to a directory that exists")
    return UsageError(
        f"the Dockerfile {path} {fault.text}",
        hint=fault.hint
        or "name another with --file (relative to the working directory), or use --file - for stdin",
        reason="dockerfile",
    )


def _too_large(path: str) -> UsageError:
    # A frontend sends the daemon the text with each step; gRPC takes no more in one message.
    return UsageError(
        f"{path} is too large for a Dockerfile (more than {MAX_DOCKERFILE >> 20} MiB)",
        hint="check the path: --file names the Dockerfile",
        reason="dockerfile",
    )


def files_of_link(directory: str, name: str) -> Mapping[str, bytes] | None:
    """Return the Dockerfile, then its ignore file, if it is a link that a daemon can't follow.

    None for any other Dockerfile, which is offered from its own directory. Raises ``UsageError``.
    """
    path = os.path.join(directory, name)
    if not os.path.islink(path) or not _leads_out(path):
        return None
    files = {name: _content(path)}
    if os.path.isfile(f"{path}.dockerignore"):
        files[f"{name}.dockerignore"] = _content(f"{path}.dockerignore")
    return files


def _leads_out(link: str) -> bool:
    """Say whether a daemon that sees only the link's folder can't follow it."""
    folder = os.path.realpath(os.path.dirname(link) or ".")
    return os.path.isabs(os.readlink(link)) or not os.path.realpath(link).startswith(f"{folder.rstrip('/')}/")


def _content(path: str) -> bytes:
    """Read a file that may have been replaced since it was looked up."""
    try:
        # O_NONBLOCK: if the file has become a pipe, it must not hang the build.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as file:
            if not S_ISREG(os.fstat(descriptor).st_mode):
                raise _unusable(path, Fault(text="is not a file"))
            content = file.read(MAX_DOCKERFILE + 1)
    except OSError as exc:
        raise UsageError(
            f"can't read {path}: {os_reason(exc)}",
            hint=limit_hint(exc),
            reason="dockerfile",
        ) from exc
    if len(content) > MAX_DOCKERFILE:
        raise _too_large(path)
    return content
