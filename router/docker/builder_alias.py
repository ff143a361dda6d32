"""``aliases.builder`` of the docker config: the plugin that carries out ``docker build``.

The file belongs to docker and to whoever edits it. It is changed as a text, where that one word stands, and
appears whole or not at all. What it had in place of our word is kept in a file beside the plugins, since
docker drops from its config what it doesn't know.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Mapping
from typing import NamedTuple

from router.docker.plugins import docker_plugin_directory
from router.errors import OutputError, UsageError, os_reason
from router.files import create_aside, make_private
from router.named_file import read_named
from router.notation.json_text import Member, members_at, root_of, with_member, without_member
from router.untrusted_json import NotJSONError, member, read_json, text

__all__ = ["BuilderAlias"]

_MOST = 1 << 24
_SECTION, _ALIAS = "aliases", "builder"
# docker takes files for plugins that are called docker-something.
_KEPT = "warmroute-builder.json"


class _Config(NamedTuple):
    """The file as it was read. ``identity`` is another when somebody has written it."""

    content: str
    mode: int
    identity: tuple[int, ...]


class BuilderAlias:
    """What the docker config says of who carries out ``docker build``: ``builder`` is the name of a plugin,
    empty for docker's own way. ``path`` is the file.

    Raises ``UsageError`` for a docker config that can't be changed safely; nothing has changed then.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        plugins = docker_plugin_directory(environment)
        self.path = os.path.join(os.path.dirname(plugins), "config.json")
        self._kept = os.path.join(plugins, _KEPT)
        self._config = _read(self.path)
        self._content = self._config.content if self._config else "{}\n"
        self._aliases = _aliases(self.path, self._content)
        self.builder = text(self._aliases, _ALIAS)

    def take(self, plugin: str) -> bool:
        """Have a plugin carry out ``docker build``; say whether that is new. Raises ``OutputError``."""
        if self.builder == plugin:
            return False
        content = self._content
        before = {"config": self._config is not None, _SECTION: self._aliases}
        _write(self._kept, json.dumps(before) + "\n", 0o600)
        if self._aliases is None:
            self._replace(with_member(content, root_of(content), _SECTION, {_ALIAS: plugin}))
        else:
            self._replace(with_member(content, self._section().value, _ALIAS, plugin))
        return True

    def give_back(self, plugin: str) -> bool:
        """Undo ``take``; say whether the plugin was what carried it out. Raises ``OutputError``."""
        taken = self.builder == plugin
        if taken:
            self._replace(self._without_alias(_kept_in(self._kept)))
        _remove(self._kept)
        return taken

    def _without_alias(self, kept: object) -> str | None:
        """Return the text as it was before, None for no file. What else was changed meanwhile stays."""
        content, section = self._content, self._section().value
        previous = member(kept, _SECTION, _ALIAS)
        if isinstance(previous, str):
            return with_member(content, section, _ALIAS, previous)
        if self._aliases != {_ALIAS: self.builder} or member(kept, _SECTION) is not None:
            return without_member(content, section, _ALIAS)
        content = without_member(content, root_of(content), _SECTION)
        made_by_us = member(kept, "config") is False
        return None if made_by_us and not members_at(content, root_of(content)) else content

    def _section(self) -> Member:
        found = members_at(self._content, root_of(self._content))
        return next(member for member in found if member.key == _SECTION)

    def _replace(self, content: str | None) -> None:
        if _identity_of(self.path) != (self._config.identity if self._config else None):
            raise OutputError(f"the docker config {self.path} has just been changed", hint="try again")
        if content is None:
            _remove(self.path)
        else:
            _write(self.path, content, self._config.mode if self._config else 0o600)


def _aliases(path: str, content: str) -> Mapping[str, object] | None:
    """Return the section, None where there is none. Raises ``UsageError`` for what can't be edited safely."""
    try:
        value = read_json(content, most=_MOST)
    except NotJSONError as exc:
        raise UsageError(f"the docker config {path} {exc}; it was not changed", hint="mend it first") from exc
    if not isinstance(value, dict):
        raise _odd(path, "is not a JSON object")
    # Go takes a key in any case for its own, and the last of several.
    keys = [found.key for found in members_at(content, root_of(content)) if found.key.lower() == _SECTION]
    if keys not in ([], [_SECTION]):
        raise _odd(path, f"says {' and '.join(keys)}, where docker writes {_SECTION} once")
    section = value.get(_SECTION)
    if keys and not isinstance(section, dict):
        raise _odd(path, f"has {_SECTION} that are not a JSON object")
    if section is not None and not isinstance(section.get(_ALIAS, ""), str):
        raise _odd(path, f"has an {_SECTION}.{_ALIAS} that is not a string")
    return section


def _odd(path: str, why: str) -> UsageError:
    return UsageError(f"the docker config {path} {why}; it was not changed", hint="mend it first")


def _read(path: str) -> _Config | None:
    try:
        # A link may lead to where others keep their own; to open a pipe would wait for who writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as exc:
        if os.path.islink(path):
            raise _odd(path, "is a symbolic link") from exc
        raise _odd(path, f"can't be read: {os_reason(exc)}") from exc
    with open(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise _odd(path, "is not a regular file")
        if found.st_uid != os.geteuid():
            raise _odd(path, "belongs to another user")
        try:
            content = file.read(_MOST + 1).decode()
        except UnicodeDecodeError as exc:
            raise _odd(path, "is not text in UTF-8") from exc
    return _Config(content, stat.S_IMODE(found.st_mode), _identity(found))


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _identity_of(path: str) -> tuple[int, ...] | None:
    try:
        return _identity(os.lstat(path))
    except FileNotFoundError:
        return None


def _kept_in(path: str) -> object:
    """Return what was kept, None where that is gone: then there was no alias, most likely."""
    try:
        return read_json(read_named(path))
    except (OSError, NotJSONError):
        return None


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as exc:
        raise OutputError(f"can't remove {path}: {os_reason(exc)}") from exc


def _write(path: str, content: str, mode: int) -> None:
    aside = ""
    try:
        make_private(os.path.dirname(path))
        descriptor, aside = create_aside(os.path.dirname(path), 0o600)
        with open(descriptor, "wb") as file:
            file.write(content.encode())
            os.fchmod(descriptor, mode)
        os.replace(aside, path)
    except OSError as exc:
        with contextlib.suppress(OSError):
            os.unlink(aside)
        raise OutputError(
            f"can't write {path}: {os_reason(exc)}",
            hint="check permissions and free space",
        ) from exc
