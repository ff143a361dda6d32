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


def require_rights(builds: tuple[BakeBuild, ...], given: Sequence[str]) -> tuple[BakeBuild, ...]:
    """Return the builds with what they may do; ask for what was not allowed. Raises ``UsageError``."""
    allowed = library.parse_bake_rights(given)
    asked = [each for each in library.missing_rights(builds, allowed) if not (each.of_files and _unasked())]
    if not asked:
        return library.with_rights(builds, allowed)
    _require(asked)
    granted = [each.allow for each in asked]
    return library.with_rights(builds, library.parse_bake_rights([*given, *granted]))


def _unasked() -> bool:
    """Say whether files of this machine are nobody's concern."""
    text = os.environ.get(_FILES)
    if text is None:
        return False
    checked = parse_bool(text)
    if checked is None:
        raise UsageError(f'invalid {_FILES} "{text}": true or false is required')
    return not checked


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
