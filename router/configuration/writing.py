"""A fleet put into the user's configuration file, so that it is known by its name, and taken out again.

What a person has written there stays as it is: a table is added at the end, and taken out as it was added,
or the file is left alone.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from typing import Literal

from router.configuration.reading import read_config_file
from router.errors import OutputError, UsageError, os_reason
from router.files import create_aside, make_private

__all__ = ["Forgotten", "Remembered", "forget_fleet", "remember_fleet"]

Remembered = Literal["added", "there", "other", "nowhere"]
"""``there``: the file has it with the same settings; ``other``: with others, and it stays so; ``nowhere``:
the user has no home for such a file."""

Forgotten = Literal["removed", "absent", "kept"]
"""``absent``: the file has no such fleet; ``kept``: more is said of it there than was added, and it stays."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def remember_fleet(path: str, name: str, settings: Mapping[str, str]) -> Remembered:
    """Add ``[fleet.NAME]`` to the file at ``path``, which need not exist; empty: there is no place for one.

    Raises ``UsageError`` for a file that can't be read, ``OutputError`` where it can't be written.
    """
    # Of a home that doesn't exist none is made.
    if not path or not os.path.isdir(os.path.dirname(os.path.dirname(os.path.dirname(path)))):
        return "nowhere"
    before = read_config_file(path) if os.path.lexists(path) else b""
    known = _part(_tables(before, path), "fleet", path).get(name)
    if known is not None:
        return "there" if known == dict(settings) else "other"
    _write(path, before + _table(name, settings, after=before).encode())
    return "added"


def forget_fleet(path: str, name: str, settings: Mapping[str, str], *, others: Collection[str]) -> Forgotten:
    """Take ``[fleet.NAME]`` out of the file at ``path``, where it is of these settings and as it was added.

    An empty setting must not be there; ``others`` are further options that may have been added with them.
    Raises as ``remember_fleet``.
    """
    if not path or not os.path.isfile(path):
        return "absent"
    before = read_config_file(path)
    tables = _tables(before, path)
    known = _part(tables, "fleet", path).get(name)
    if not isinstance(known, dict) or any(known.get(key, "") != value for key, value in settings.items()):
        return "absent"
    if _part(tables, "defaults", path).get("fleet") == name or not known.keys() <= {*settings, *others}:
        return "kept"
    added = _table(name, {key: str(value) for key, value in known.items()}, after=b"").encode()
    if before.count(added) != 1:  # it is written in another way
        return "kept"
    head, _, tail = before.partition(added)
    _write(path, (head[:-1] if head.endswith(b"\n\n") else head) + tail)
    return "removed"


def _tables(data: bytes, path: str) -> Mapping[str, object]:
    try:
        return tomllib.loads(data.decode())
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{path} is not valid TOML", hint="warmroute config show says where") from exc


def _part(tables: Mapping[str, object], name: str, path: str) -> Mapping[str, object]:
    found = tables.get(name, {})
    if not isinstance(found, dict):
        raise UsageError(
            f"{path}: {name} must be a table", hint=f"[{name}{'.NAME' if name == 'fleet' else ''}]"
        )
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
        why = os_reason(exc)
        raise OutputError(f"can't write {path}: {why}", hint="check permissions and free space") from exc
