"""`warmroute config show`: the value of each option that can be configured, and where it comes from."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from typing import Annotated

from cli.build_options import ImageOptions, ResultOptions
from cli.config_files import ConfigurationFiles, Reading
from cli.groups import Only, Option
from cli.named import NamedTuple
from cli.options import DisplayOptions, FleetRouting, RoutingOptions
from cli.origins import Origin
from cli.parameters import Parameter, parameters_of
from cli.render.foreign import own_line, printable
from cli.render.narrow import Narrowing, narrow_table
from cli.render.table import room_on_stdout
from cli.settings import Loaded, load

__all__ = ["command"]

_Image = Annotated[ImageOptions, Only("--context-times", "--source-policy-file")]
_Result = Annotated[ResultOptions, Only("--metrics-file", "--require-warm")]
_Display = Annotated[DisplayOptions, Only("--progress", "--format")]


_NARROWING = Narrowing(spared=(), cut=(("VALUE", "end"), ("FROM", "end")))


class _Row(NamedTuple):
    """``of_fleets`` is the default of commands that ask a whole fleet, where it is another one."""

    option: str
    value: object
    origin: Origin | None
    of_fleets: object = None


def command(
    reading: Reading, _routing: RoutingOptions, _image: _Image, _result: _Result, display: _Display
) -> None:
    """Show the options that configuration files can set, and where each value comes from."""
    if reading.fault is not None:
        raise reading.fault
    loaded = load(reading.files, os.environ)
    of_fleets = {each.name: each.default for each in parameters_of(_of_fleets)}
    rows = [_row(each, reading, of_fleets) for each in reading.parameters if _is_configurable(each)]
    write = _json if display.format == "json" else _text
    sys.stdout.write(f"{write(reading.files, loaded, rows)}\n")


def _of_fleets(routing: FleetRouting) -> None:
    """Stand for a command that asks all daemons of a fleet."""


def _is_configurable(parameter: Parameter) -> bool:
    return isinstance(parameter.declared, Option) and parameter.declared.files != "none"


def _row(parameter: Parameter, reading: Reading, of_fleets: Mapping[str, object]) -> _Row:
    name = parameter.declared.names[0] if isinstance(parameter.declared, Option) else parameter.name
    value, origin = reading.arguments[parameter.name], reading.arguments.origins.get(parameter.name)
    other = of_fleets.get(parameter.name, value) if origin is None else value
    return _Row(name.lstrip("-"), value, origin, None if other == value else other)


def _text(files: ConfigurationFiles, loaded: Loaded, rows: list[_Row]) -> str:
    cells = [(row.option, _shown(row.value), _from(row)) for row in rows]
    options = narrow_table(("OPTION", "VALUE", "FROM"), cells, _NARROWING, room=room_on_stdout())
    found = [f"{kind} {path}: {state}" for kind, path, state in _files(files, loaded)]
    fleets = [f"fleet {name}: {path}:{line}" for name, path, line in _fleets(loaded)]
    return "\n".join([options, "", *(own_line(printable(line)) for line in (*found, *fleets))])


def _json(files: ConfigurationFiles, loaded: Loaded, rows: list[_Row]) -> str:
    said = {
        "files": [
            {"kind": kind, "path": path, "state": state} for kind, path, state in _files(files, loaded)
        ],
        "fleets": [{"name": name, "path": path, "line": line} for name, path, line in _fleets(loaded)],
        "options": [_values(row) for row in rows],
    }
    return json.dumps(said, indent=2)


def _files(files: ConfigurationFiles, loaded: Loaded) -> Iterator[tuple[str, str, str]]:
    """Yield kind, path and state; a project without a file has no path either."""
    read = {document.path for document in loaded.documents}
    for kind, path in (("project", files.project), ("user", files.user)):
        if not path:
            yield kind, "warmroute.toml", "no such file"
        elif path in read:
            yield kind, path, "read"
        else:
            yield kind, path, "not trusted" if path == loaded.untrusted else "no such file"


def _fleets(loaded: Loaded) -> Iterator[tuple[str, str, int]]:
    for document in loaded.documents:
        for name, line in document.fleet_lines.items():
            yield name, document.path, line


def _from(row: _Row) -> str:
    origin = row.origin
    if origin is None:
        other = "" if row.of_fleets is None else f"; {_shown(row.of_fleets)} for ls, ps, du and their like"
        return f"default{other}"
    return f"{origin.kind}, line {origin.line} ({origin.table})" if origin.table else str(origin)


def _values(row: _Row) -> dict[str, object]:
    other = {} if row.of_fleets is None else {"fleet_default": row.of_fleets}
    return {"option": row.option, "value": row.value, "from": _origin(row.origin), **other}


def _origin(origin: Origin | None) -> dict[str, object]:
    if origin is None:
        return {"kind": "default"}
    return {name: value for name, value in origin._asdict().items() if value}


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case float():
            return f"{value:g}"
        case list():
            return " ".join(map(str, value))
        case _:
            return str(value)
