"""The location of everything that a build reads: a request's contexts and Dockerfile, looked up once.

Checks what it can before a daemon is called: that directories and the Dockerfile exist, and that ignore files
can be read. URLs are left to the daemon. Nothing is written, and nothing is kept open: from this, every
attempt makes the offers for its daemon.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.errors import UsageError, os_reason
from router.flags.context import STDIN, GitContext, HTTPContext, parse_context
from router.model.frozen import field, frozen, replace
from router.model.request import BuildRequest
from router.once import is_one_time
from router.readable import directory_fault
from router.solve.dockerfile import existing_file, files_of_link, find_dockerfile, remote_dockerfile
from router.solve.ignore_files import IGNORE_FILE, check_generic_ignore_files, check_ignore_files

if TYPE_CHECKING:
    from router.providers.oci_layout import OCILayout
    from router.solve.contexts import NamedContext

__all__ = [
    "Archive",
    "Context",
    "CopiedDockerfile",
    "Dockerfile",
    "Folder",
    "GenericForm",
    "LocalDockerfile",
    "Located",
    "NamedDockerfile",
    "NoFiles",
    "Remote",
    "checked",
    "locate",
]


# The main context.


@frozen
class Folder:
    """A directory on this machine."""

    path: str


@frozen
class Archive:
    """A tar from stdin. ``is_plain``: the frontend can tell by its first bytes that it is not a
    Dockerfile."""

    path: str
    is_plain: bool


@frozen
class Remote:
    """A URL that the daemon fetches, from git or by http."""

    url: str
    parsed: GitContext | HTTPContext


@frozen
class NoFiles:
    """No files except the Dockerfile, which was read from stdin instead of a context."""


@frozen
class GenericForm:
    """buildctl's form: no context and no Dockerfile, but directories and layouts by name."""

    directories: Mapping[str, str]
    layouts: Mapping[str, OCILayout] = field(default_factory=dict)


Context = Folder | Archive | Remote | NoFiles | GenericForm


# The Dockerfile.


@frozen
class LocalDockerfile:
    """A Dockerfile that is offered from its own directory, with the files beside it."""

    directory: str
    name: str


@frozen
class CopiedDockerfile:
    """A Dockerfile that is written into a directory of its own: ``files`` by name, the Dockerfile first.

    It was read from stdin, or is a link that a daemon can't follow; ``link`` is the path of that link.
    """

    files: Mapping[str, bytes] = field(repr=False)
    link: LocalDockerfile | None = None


@frozen
class NamedDockerfile:
    """A Dockerfile that only the frontend looks up: by a path within the context, empty for the default, or
    by a URL."""

    name: str = ""


Dockerfile = LocalDockerfile | CopiedDockerfile | NamedDockerfile


@frozen
class Located:
    """The main context, the Dockerfile, and the additional contexts."""

    context: Context
    dockerfile: Dockerfile = NamedDockerfile()
    others: tuple[NamedContext, ...] = ()

    @property
    def git(self) -> GitContext | None:
        """The main context if the daemon clones it."""
        parsed = self.context.parsed if isinstance(self.context, Remote) else None
        return parsed if isinstance(parsed, GitContext) else None

    def with_dockerfile(self, text: bytes) -> Located:
        """Return the same with a Dockerfile that exists only as text."""
        return replace(self, dockerfile=CopiedDockerfile(files={"Dockerfile": text}))


def locate(request: BuildRequest) -> Located:
    """Look up a request's inputs. Raises ``UsageError`` if a context or the Dockerfile doesn't exist."""
    if request.generic:
        return Located(context=_generic(request))
    context = _context(request)
    dockerfile = _dockerfile(request, context)
    if not request.build_contexts:
        return Located(context=context, dockerfile=dockerfile)
    from router.solve.contexts import locate_contexts

    return Located(context=context, dockerfile=dockerfile, others=locate_contexts(request.build_contexts))


def checked(request: BuildRequest) -> Located:
    """Like ``locate``, but raise ``UsageError`` also for an unreadable ignore file, and for options that
    buildctl's form has no place for."""
    if request.generic:
        from router.solve.generic import check_generic

        check_generic(request)
        located = locate(request)
        check_generic_ignore_files(request.frontend, request.local_dirs, request.frontend_options)
        return located
    located = locate(request)
    others: list[str] = []
    if located.others:
        from router.solve.contexts import directories

        others = directories(located.others)
    context = located.context.path if isinstance(located.context, Folder) else None
    check_ignore_files(context, _own_ignore_file(located.dockerfile), others)
    return located


def _own_ignore_file(dockerfile: Dockerfile) -> tuple[str, str] | None:
    """Return directory and name of the ignore file beside a Dockerfile, whether it exists or not."""
    match dockerfile:
        case LocalDockerfile(directory=directory, name=name):
            return directory, name + IGNORE_FILE
        case CopiedDockerfile(link=LocalDockerfile(directory=directory, name=name)):
            # The daemon gets a copy of the link's target.
            return os.path.split(os.path.realpath(os.path.join(directory, name + IGNORE_FILE)))
        case _:
            return None


def _generic(request: BuildRequest) -> GenericForm:
    for name, path in request.local_dirs.items():
        if fault := directory_fault(path):
            raise UsageError(
                f"--local {name}={path}: {path} {fault.text}",
                hint=fault.hint or "give a directory",
                reason="local",
            )
    if not request.oci_layouts:
        return GenericForm(directories=request.local_dirs)
    from router.solve.contexts import open_layout

    layouts = {
        f"oci:{name}": open_layout(path, f"--oci-layout {name}={path}")
        for name, path in request.oci_layouts.items()
    }
    return GenericForm(directories=request.local_dirs, layouts=layouts)


def _context(request: BuildRequest) -> Context:
    if request.context_archive is not None:
        return _archive(request.context_archive)
    if request.context == STDIN:
        if request.dockerfile_text is not None:
            return NoFiles()
        raise UsageError(
            "the build context is stdin, which has not been read", hint="router.open_stdin_context reads it"
        )
    if not os.path.isdir(request.context):  # as in buildx: a directory wins over a URL of that form
        parsed = parse_context(request.context)
        if isinstance(parsed, GitContext | HTTPContext):
            return Remote(url=request.context, parsed=parsed)
    return _folder(request.context)


def _folder(path: str) -> Folder:
    if fault := directory_fault(path):
        piped = f"pass an archive on stdin: warmroute build - < {path}"
        raise UsageError(
            f"the build context {path} {fault.text}",
            hint=piped if is_one_time(path) else fault.hint or "give a directory, or a git or http URL",
            reason="context",
        )
    return Folder(path=path)


def _archive(path: str) -> Archive:
    from router.notation.archive import HEADER_SIZE, is_plain_archive

    if is_one_time(path):  # it is read again for each daemon that is tried
        raise UsageError(f"can't read the context {path}: it is not a regular file", reason="context")
    try:
        with open(path, "rb") as file:
            header = file.read(HEADER_SIZE)
    except OSError as exc:
        raise UsageError(f"can't read the context {path}: {os_reason(exc)}", reason="context") from exc
    return Archive(path=path, is_plain=is_plain_archive(header))


def _dockerfile(request: BuildRequest, context: Context) -> Dockerfile:
    named = request.dockerfile or ""
    if request.dockerfile_text is not None:
        return CopiedDockerfile(files={"Dockerfile": request.dockerfile_text})
    if url := remote_dockerfile(request):
        return NamedDockerfile(name=url)
    if isinstance(context, Folder):
        return _local(*find_dockerfile(context.path, request.dockerfile))
    if isinstance(context, Remote) and os.path.isabs(named):
        return _local(*existing_file(named))
    return NamedDockerfile(name=named)


def _local(directory: str, name: str) -> Dockerfile:
    found = LocalDockerfile(directory=directory, name=name)
    files = files_of_link(directory, name)
    return found if files is None else CopiedDockerfile(files=files, link=found)
