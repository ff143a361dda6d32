"""Links to our entry points, in the directories where other programs look for theirs.

A link is ours when it leads to a program of the same name as ours, wherever that is or was: another version
of warmroute is replaced. Anything else that stands there is somebody's, and stays.
"""

from __future__ import annotations

import os
import secrets
import sys
import sysconfig

from cli.render.foreign import printable
from router import OutputError, UsageError, os_reason

__all__ = ["entry_point", "is_ours", "link", "report", "unlink"]


def entry_point(name: str) -> str:
    """Return the path of a program that is installed together with this one. Raises ``UsageError``."""
    # Beside what runs now; `python -m warmroute` has no program, and knows where they would be.
    beside = (os.path.dirname(os.path.realpath(sys.argv[0])), sysconfig.get_path("scripts"))
    for directory in beside:
        path = os.path.join(directory, name)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise UsageError(
        f"{name} is not installed beside warmroute (looked in {' and '.join(dict.fromkeys(beside))})",
        hint="install warmroute with pip or pipx, which put it there",
    )


def is_ours(path: str, name: str) -> bool:
    """Say whether ``path`` is a link to a program called ``name``."""
    return os.path.islink(path) and os.path.basename(os.readlink(path)) == name


def link(path: str, target: str) -> bool:
    """Make ``path`` a link to ``target``, and its directory; report whether anything changed.

    Raises ``UsageError`` where something stands there that isn't ours, ``OutputError``.
    """
    there = os.readlink(path) if os.path.islink(path) else os.path.realpath(path)
    if there in {target, os.path.realpath(target)}:  # the program itself, where it is installed on PATH
        return False
    if os.path.lexists(path) and not is_ours(path, os.path.basename(target)):
        raise UsageError(
            f"{path} exists, and is not a link of warmroute's", hint=f"move it away: ls -l {path}"
        )
    aside = os.path.join(os.path.dirname(path), f".warmroute-{secrets.token_hex(6)}")
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(target, aside)
        os.replace(aside, path)
    except OSError as exc:
        raise OutputError(
            f"can't write {path}: {os_reason(exc)}",
            hint="check permissions and free space",
        ) from exc
    return True


def unlink(path: str, name: str) -> bool:
    """Remove the link ``path`` if it is ours; report whether it was. Raises ``OutputError``."""
    if not is_ours(path, name):
        return False
    directory = os.path.dirname(path)
    try:
        os.unlink(path)
    except OSError as exc:
        raise OutputError(f"can't remove {path}: {os_reason(exc)}", hint=f"ls -ld {directory}") from exc
    return True


def report(text: str) -> None:
    """Print a line on stdout."""
    sys.stdout.write(f"{printable(text)}\n")
