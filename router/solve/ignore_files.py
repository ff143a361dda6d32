"""Files that exclude parts of a context: a daemon that can't read one asks for everything.

BuildKit's frontend ignores a ``.dockerignore`` that it can't read, and opens whatever it gets, so that a
named pipe blocks it forever. So the files are checked before a daemon is called, by the daemon's rules:
``NAME.dockerignore`` beside the Dockerfile ``NAME`` wins, links are followed only within their directory, and
a directory of that name is ignored.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from stat import S_ISDIR, S_ISLNK, S_ISREG

from router.errors import UsageError, os_reason

__all__ = ["IGNORE_FILE", "check_generic_ignore_files", "check_ignore_files"]

IGNORE_FILE = ".dockerignore"
# Any other frontend may use these file names for something else.
_FRONTENDS = ("dockerfile.v0", "gateway.v0")


def check_ignore_files(context: str | None, own: tuple[str, str] | None, others: Iterable[str]) -> None:
    """Raise ``UsageError`` for an ignore file that exists but that the daemon couldn't read.

    ``context`` is the main context's directory, ``own`` directory and name of the Dockerfile's own ignore
    file, each None if it isn't on this machine; ``others`` are the directories of additional contexts.
    """
    has_own = own is not None and _check(*own)
    if context is not None and not has_own:
        _check(context, IGNORE_FILE)
    for directory in others:
        _check(directory, IGNORE_FILE)


def check_generic_ignore_files(
    frontend: str, directories: Mapping[str, str], options: Mapping[str, str]
) -> None:
    """Do the same for buildctl's form of a build, for the frontends that read Dockerfiles and ignore
    files."""
    if frontend not in _FRONTENDS:
        return
    around = directories.get(options.get("dockerfilekey", "dockerfile"))
    name = options.get("filename", "Dockerfile")
    main = options.get("contextkey", "context")
    if around is not None:
        _check(around, name)
    others = (path for key, path in directories.items() if key != main and path != around)
    own = (around, name + IGNORE_FILE) if around is not None else None
    check_ignore_files(directories.get(main), own, others)


def _check(directory: str, name: str) -> bool:
    """Say whether the file exists. Raises ``UsageError`` if it can't be read, or isn't a file."""
    path = os.path.join(directory, name)
    found = False
    for step, status in _steps(directory, name):
        if S_ISREG(status.st_mode):
            _require_readable(step)
            found = True
        elif not S_ISDIR(status.st_mode) and not S_ISLNK(status.st_mode) and not _is_null(status):
            raise UsageError(
                f"{path} is neither a file nor a link to one", hint="replace or remove it", reason="context"
            )
    if not found and os.path.islink(path) and os.path.isfile(path):
        raise UsageError(
            f"{path} is a link to {os.path.realpath(path)}, where the daemon can't follow it",
            hint="replace it with a copy, or with a relative link to a file of the same directory",
            reason="context",
        )
    return found


def _steps(directory: str, name: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield what the daemon gets if it asks for a file: the file, or the links on its way and their
    target."""
    path = os.path.join(directory, name)
    try:
        status = os.lstat(path)
    except OSError:
        return  # missing, or unreadable: then the daemon's request for it reports the error
    if not S_ISLNK(status.st_mode):
        yield path, status
        return
    for step in _links(directory, name):
        try:
            yield step, os.lstat(step)
        except OSError:
            continue


def _links(directory: str, name: str) -> Iterator[str]:
    from router.fstransfer.beneath import Root
    from router.fstransfer.followlinks import follow_links

    try:
        root = Root(os.fsencode(os.path.realpath(directory)))
    except OSError:
        return
    try:
        for path in follow_links(root, [name]) or ():
            yield os.path.join(directory, path)
    except OSError:
        return
    finally:
        root.close()


def _is_null(status: os.stat_result) -> bool:
    """Say whether it is the null device, which is empty: mounting it over a file hides it from a
    container."""
    return status.st_rdev == os.stat(os.devnull).st_rdev


def _require_readable(path: str) -> None:
    try:
        # Don't block if a pipe has taken the file's place meanwhile.
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as exc:
        raise UsageError(
            f"can't read {path}: {os_reason(exc)}",
            hint="make it readable: without it, the files that it excludes would be sent",
            reason="context",
        ) from exc
