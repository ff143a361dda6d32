"""The context and the Dockerfile of a request: what the session offers, what the frontend is told.

Checks here what can be checked before a daemon is bothered: that directories and Dockerfile exist.
What a URL names is the daemon's business.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import field

from router.errors import UsageError
from router.model.frozen import frozen
from router.model.request import BuildRequest
from router.specs.context import GitContext, HTTPContext, parse_context

__all__ = ["Inputs", "check_inputs", "open_inputs"]


@frozen
class Inputs:
    """``directories`` are offered to the daemon under their names; ``attrs`` go to the frontend."""

    directories: Mapping[str, str] = field(default_factory=dict)
    attrs: Mapping[str, str] = field(default_factory=dict)
    dockerfile_name: str = "Dockerfile"


@contextmanager
def open_inputs(request: BuildRequest) -> Iterator[Inputs]:
    """Yield the inputs of a request; what had to be written for them is removed afterwards.

    Raises ``UsageError`` for a context or a Dockerfile that is not there.
    """
    if request.generic:
        yield Inputs(directories=_local_directories(request))
    elif request.dockerfile_text is not None:
        import tempfile  # few builds have their Dockerfile on stdin

        with tempfile.TemporaryDirectory(prefix="warmroute-dockerfile-") as directory:
            with open(os.path.join(directory, "Dockerfile"), "wb") as file:
                file.write(request.dockerfile_text)
            yield _inputs(request, directory, "Dockerfile")
    elif _is_remote(request.context):
        yield _remote(request)
    else:
        directory, name = _local_dockerfile(request)
        yield _inputs(request, directory, name)


def check_inputs(request: BuildRequest) -> None:
    """Raise ``UsageError`` for a context or a Dockerfile that is not there."""
    if request.generic:
        _local_directories(request)
    elif request.dockerfile_text is None and not _is_remote(request.context):
        _local_dockerfile(request)
    elif not _is_remote(request.context):
        _context_directory(request.context)


def _local_directories(request: BuildRequest) -> Mapping[str, str]:
    for name, path in request.local_dirs.items():
        if not os.path.isdir(path):
            what = "is not a directory" if os.path.exists(path) else "does not exist"
            raise UsageError(f"--local {name}={path}: {path} {what}", hint="give a directory", reason="local")
    return request.local_dirs


def _remote(request: BuildRequest) -> Inputs:
    dockerfile = request.dockerfile or ""
    if os.path.isabs(dockerfile):
        directory, name = _existing(dockerfile)
        return _inputs(request, directory, name)
    attrs = {"context": request.context}
    if dockerfile:
        attrs["filename"] = dockerfile
    return Inputs(attrs=attrs, dockerfile_name=dockerfile or "Dockerfile")


def _inputs(request: BuildRequest, dockerfile_directory: str, name: str) -> Inputs:
    attrs = {"filename": name}
    directories = {"dockerfile": dockerfile_directory}
    if _is_remote(request.context):
        # The frontend looks for the Dockerfile in a remote context unless told where else it is.
        attrs |= {"context": request.context, "dockerfilekey": "dockerfile"}
    else:
        directories["context"] = _context_directory(request.context)
    return Inputs(directories=directories, attrs=attrs, dockerfile_name=name)


def _is_remote(context: str) -> bool:
    # As buildx does: a directory of that name wins over a URL of that form.
    return not os.path.isdir(context) and isinstance(parse_context(context), GitContext | HTTPContext)


def _context_directory(context: str) -> str:
    if not os.path.isdir(context):
        what = "is not a directory" if os.path.exists(context) else "does not exist"
        raise UsageError(
            f"the build context {context} {what}",
            hint="give a directory, or a git or http URL",
            reason="context",
        )
    return context


def _local_dockerfile(request: BuildRequest) -> tuple[str, str]:
    context = _context_directory(request.context)
    if request.dockerfile:
        return _existing(request.dockerfile)
    path = os.path.join(context, "Dockerfile")
    if not os.path.lexists(path) and os.path.lexists(os.path.join(context, "dockerfile")):
        path = os.path.join(context, "dockerfile")
    return _existing(path)


def _existing(path: str) -> tuple[str, str]:
    if not os.path.isfile(path):
        what = "is not a file" if os.path.exists(path) else "does not exist"
        raise UsageError(
            f"the Dockerfile {path} {what}",
            hint="name another with --file (relative to the working directory), or use --file - for stdin",
            reason="dockerfile",
        )
    directory, name = os.path.split(path)
    return directory or ".", name
