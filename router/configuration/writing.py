"""A fleet put into the user's configuration file, so that it is known by its name from then on.

What a person has written there stays as it is: a table is added at the end, or the file is left alone.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping
from typing import Literal

from router.configuration.reading import read_config_file
from router.errors import OutputError, UsageError
from router.files import create_aside, make_private

__all__ = ["Remembered", "remember_fleet"]

Remembered = Literal["added", "there", "other", "nowhere"]
"""``there``: the file has it with the same settings; ``other``: with others, and it stays so; ``nowhere``:
the user has no home for such a file."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def remember_fleet(path: str, name: str, settings: Mapping[str, str]) -> Remembered:
    """Add ``[fleet.NAME]`` to the file at ``path``, which need not exist; empty: there is no place for one.

    Raises ``UsageError`` for a file that can't be read, ``OutputError`` where it can't be written.
    """
    # Of a home that doesn't exist none is made.
    if not path or not os.path.isdir(os.path.dirname(os.path.dirname(os.path.dirname(path)))):
        return "nowhere"
    before = read_config_file(path) if os.path.lexists(path) else b""
    known = _fleets(before, path).get(name)
    if known is not None:
        return "there" if known == dict(settings) else "other"
    _write(path, before + _table(name, settings, after=before).encode())
    return "added"


def _fleets(data: bytes, path: str) -> Mapping[str, object]:
    try:
        found = tomllib.loads(data.decode()).get("fleet", {})
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{path} is not valid TOML", hint="warmroute config show says where") from exc
    if not isinstance(found, dict):
        raise UsageError(f"{path}: fleet must be a table", hint="[fleet.NAME]")
    return found


def _table(name: str, settings: Mapping[str, str], *, after: bytes) -> str:
    key = name if _BARE.fullmatch(name) else _quoted(name)
    gap = "" if not after else "\n" if after.endswith(b"\n") else "\n\n"
    lines = [f"{gap}[fleet.{key}]", *(f"{option} = {_quoted(value)}" for option, value in settings.items())]
    return "".join(f"{line}\n" for line in lines)


def _quoted(value: str) -> str:
    """Write a text as TOML does, which is JSON's way but for one control character."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write(path: str, data: bytes) -> None:
    final = os.path.realpath(path)  # a link stays one
    try:
        make_private(os.path.dirname(final))
        mode = os.stat(final).st_mode & 0o777 if os.path.exists(final) else 0o600
        descriptor, aside = create_aside(os.path.dirname(final), mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(aside, final)
    except OSError as exc:
        why = (exc.strerror or str(exc)).lower()
        raise OutputError(f"can't write {path}: {why}", hint="check permissions and free space") from exc
