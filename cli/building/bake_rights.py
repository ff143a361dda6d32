"""Whether a definition may do what it asks for: --allow, or a question on a terminal."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence

import router as library
from cli.render.foreign import printable
from router import BakeBuild, MissingRight, UsageError, parse_bool

__all__ = ["require_rights"]

_FILES = "BUILDX_BAKE_ENTITLEMENTS_FS"
_REMOTE_FILES = "BAKE_ALLOW_REMOTE_FS_ACCESS"


def require_rights(
    builds: tuple[BakeBuild, ...], given: Sequence[str], *, remote: bool = False
) -> tuple[BakeBuild, ...]:
    """Return the builds with what they may do; ask for what was not allowed. Raises ``UsageError``.

    ``remote``: their definition comes from a repository.
    """
    allowed = library.parse_bake_rights(given)
    unasked = _unasked(remote)
    asked = [each for each in library.missing_rights(builds, allowed) if not (each.of_files and unasked)]
    if not asked:
        return library.with_rights(builds, allowed)
    _require(asked)
    granted = [each.allow for each in asked]
    return library.with_rights(builds, library.parse_bake_rights([*given, *granted]))


def _unasked(remote: bool) -> bool:
    """Say whether files of this machine are nobody's concern."""
    if (checked := _flag(_FILES)) is not None:
        return not checked
    return remote and bool(_flag(_REMOTE_FILES))


def _flag(variable: str) -> bool | None:
    text = os.environ.get(variable)
    if text is None:
        return None
    flag = parse_bool(text)
    if flag is None:
        raise UsageError(f'invalid {variable} "{text}": true or false is required')
    return flag


def _require(asked: Sequence[MissingRight]) -> None:
    """Raise ``UsageError`` unless somebody at a terminal says yes."""
    what = "".join(f"\n  {printable(each.what)}" for each in asked)
    if sys.stdin is not None and sys.stdin.isatty():
        sys.stderr.write(f"The definition wants to{what}\nAllow it? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() == "y":
            return
    raise UsageError(f"the definition was not allowed to{what}", hint=f"if it may, add {_flags(asked)}")


def _flags(asked: Sequence[MissingRight]) -> str:
    return " ".join(shlex.quote(f"--allow={each.allow}") for each in asked)
