"""A configuration file as a value: its tables, each key with its line.

``[defaults]`` and ``[fleet.NAME]``; which keys there are is handed in, with the types of their values. A
project's file comes with a checkout, so it is refused what would run a program, name a credential or lead to
a file: keys that are the user's alone, and addresses that are reached by a program or a socket.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator, Mapping
from typing import Literal

from router.configuration.lines import line_of
from router.errors import UsageError
from router.flags.address import ADDR, parse_addresses
from router.model.address import DnsName, KubePodAddress, TcpAddress
from router.model.frozen import frozen
from router.notation.flag import Flag

__all__ = ["ConfigDocument", "ConfigForm", "ConfigKey", "ConfigSetting", "parse_document"]

ConfigForm = Literal["text", "number", "duration", "truth", "list", "path", "addresses"]

_DEFAULTS, _FLEET = "defaults", "fleet"
_TYPES: Mapping[ConfigForm, tuple[type, ...]] = {
    "text": (str,),
    "path": (str,),
    "number": (int, float),
    "duration": (str, int, float),
    "truth": (bool,),
    "list": (str, list),
    "addresses": (str, list),
}
_NAMED: Mapping[ConfigForm, str] = {
    "text": "a string",
    "path": "a string",
    "number": "a number",
    "duration": 'a string such as "10s", or a number of seconds',
    "truth": "true or false",
    "list": "a string, or an array of strings",
    "addresses": "a string, or an array of strings",
}
# Those that lead to the network and nowhere else.
_OF_A_PROJECT = "tcp://, dns://, kube-pod://"


@frozen
class ConfigKey:
    """What can stand behind a key. ``users``: in the user's own file only; ``fleets``: in a fleet's table."""

    form: ConfigForm
    users: bool
    fleets: bool


@frozen
class ConfigSetting:
    """The texts that a key has as its value, and the line of the file it stands on."""

    texts: tuple[str, ...]
    line: int


@frozen
class ConfigDocument:
    """A file that has been read."""

    path: str
    of_project: bool
    defaults: Mapping[str, ConfigSetting]
    fleets: Mapping[str, Mapping[str, ConfigSetting]]
    fleet_lines: Mapping[str, int]


def parse_document(
    data: bytes, path: str, keys: Mapping[str, ConfigKey], *, of_project: bool, home: str
) -> ConfigDocument:
    """Read a file's bytes. Raises ``UsageError`` with file and line for what is wrong in it.

    Paths are relative to the file's directory; ``~/`` is ``home``.
    """
    try:
        text = data.decode()
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise UsageError(f"{path} is not valid TOML: {_lowered(str(exc))}", hint="https://toml.io") from exc
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{path} is not valid TOML", hint="https://toml.io") from exc
    reader = _Reader(path, text, keys, of_project=of_project, home=home)
    reader.require(tables, (), (_DEFAULTS, _FLEET), "table")
    fleets = reader.tables(tables, _FLEET)
    return ConfigDocument(
        path=path,
        of_project=of_project,
        defaults=reader.settings(reader.table(tables, (_DEFAULTS,)), (_DEFAULTS,), tuple(keys)),
        fleets={
            name: reader.settings(table, (_FLEET, name), tuple(key for key in keys if keys[key].fleets))
            for name, table in fleets
        },
        fleet_lines={name: line_of(text, (_FLEET, name)) for name, _ in fleets},
    )


class _Reader:
    """Reads the tables of one file."""

    def __init__(
        self, path: str, text: str, keys: Mapping[str, ConfigKey], *, of_project: bool, home: str
    ) -> None:
        self._path = path
        self._text = text
        self._keys = keys
        self._of_project = of_project
        self._home = home

    def table(self, tables: Mapping[str, object], path: tuple[str, ...]) -> Mapping[str, object]:
        found = tables.get(path[-1], {})
        if not isinstance(found, dict):
            raise self._error(path, f"{'.'.join(path)} must be a table", f"[{'.'.join(path)}]")
        return found

    def tables(self, tables: Mapping[str, object], name: str) -> list[tuple[str, Mapping[str, object]]]:
        outer = self.table(tables, (name,))
        return [(inner, self.table(outer, (name, inner))) for inner in outer]

    def require(
        self, table: Mapping[str, object], path: tuple[str, ...], known: tuple[str, ...], what: str
    ) -> None:
        """Raise ``UsageError`` for the first key of a table that is not known."""
        for key in table:
            if key not in known:
                from difflib import get_close_matches

                near = get_close_matches(key, known, n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
                where = f" in [{'.'.join(path)}]" if path else ""
                raise self._error((*path, key), f'unknown {what} "{key}"{where}', hint)

    def settings(
        self, table: Mapping[str, object], path: tuple[str, ...], known: tuple[str, ...]
    ) -> Mapping[str, ConfigSetting]:
        self.require(table, path, known, "key")
        return {
            key: ConfigSetting(
                texts=tuple(self._texts(value, (*path, key))), line=line_of(self._text, (*path, key))
            )
            for key, value in table.items()
        }

    def _texts(self, value: object, path: tuple[str, ...]) -> Iterator[str]:
        key = self._keys[path[-1]]
        if self._of_project and key.users:
            raise self._refused(path, f"{path[-1]} can't be set by a project's file")
        if not isinstance(value, _TYPES[key.form]) or (isinstance(value, bool) and key.form != "truth"):
            raise self._error(path, f"{'.'.join(path)} must be {_NAMED[key.form]}", None)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(value, list) and not isinstance(each, str):
                raise self._error(path, f"{'.'.join(path)} must be {_NAMED[key.form]}", None)
            text = str(each).lower() if key.form == "truth" else str(each)
            if key.form == "path" and text:
                text = self._absolute(text, path)
            if key.form == "addresses" and self._of_project:
                self._check_addresses(text, path)
            yield text

    def _absolute(self, text: str, path: tuple[str, ...]) -> str:
        if text == "~" or text.startswith("~/"):
            if not self._home:
                raise self._error(
                    path, f"{'.'.join(path)} is in your home, and this user has none", "set HOME"
                )
            return self._home + text[1:]
        return os.path.join(os.path.dirname(self._path), text)

    def _check_addresses(self, text: str, path: tuple[str, ...]) -> None:
        flag = Flag(
            name=f"{'.'.join(path)} in {self._path}:{line_of(self._text, path)}", example=ADDR.example
        )
        for _, address in parse_addresses([text], flag):
            if not isinstance(address, TcpAddress | DnsName | KubePodAddress):
                scheme = str(address).partition("://")[0]
                what = f"{scheme}:// can't be named by a project's file, only {_OF_A_PROJECT}"
                raise self._refused(path, what)

    def _refused(self, path: tuple[str, ...], what: str) -> UsageError:
        hint = "a project's file comes with the checkout: set it in your own file, or on the command line"
        return self._error(path, what, hint)

    def _error(self, path: tuple[str, ...], what: str, hint: str | None) -> UsageError:
        return UsageError(f"{self._path}:{line_of(self._text, path)}: {what}", hint=hint)


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
