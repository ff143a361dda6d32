"""`warmroute config show`: the value of each option that can be configured, and where it comes from."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from cli.build_options import ImageOptions, ResultOptions
from cli.config_files import ConfigurationFiles, Reading
from cli.groups import Only, Option
from cli.options import DisplayOptions, RoutingOptions
from cli.origins import Origin
from cli.parameters import Parameter
from cli.render.foreign import own_line, printable
from cli.render.table import table
from cli.settings import Loaded, load

__all__ = ["command"]

_Image = Annotated[ImageOptions, Only("--context-times", "--source-policy-file")]
_Result = Annotated[ResultOptions, Only("--metrics-file")]
_Display = Annotated[DisplayOptions, Only("--progress", "--format")]


class _Row(NamedTuple):
    option: str
    value: object
    origin: Origin | None


def command(
    reading: Reading, _routing: RoutingOptions, _image: _Image, _result: _Result, display: _Display
) -> None:
    """Show the options that configuration files can set, and where each value comes from."""
    if reading.fault is not None:
        raise reading.fault
    loaded = load(reading.files, os.environ)
    rows = [_row(each, reading) for each in reading.parameters if _is_configurable(each)]
    write = _json if display.format == "json" else _text
    sys.stdout.write(f"{write(reading.files, loaded, rows)}\n")


def _is_configurable(parameter: Parameter) -> bool:
    return isinstance(parameter.declared, Option) and parameter.declared.files != "none"


def _row(parameter: Parameter, reading: Reading) -> _Row:
    arguments = reading.arguments
    name = parameter.declared.names[0] if isinstance(parameter.declared, Option) else parameter.name
    return _Row(name.lstrip("-"), arguments[parameter.name], arguments.origins.get(parameter.name))


def _text(files: ConfigurationFiles, loaded: Loaded, rows: list[_Row]) -> str:
    options = table(
        ("OPTION", "VALUE", "FROM"), [(row.option, _shown(row.value), _from(row.origin)) for row in rows]
    )
    found = [f"{kind} {path}: {state}" for kind, path, state in _files(files, loaded)]
    fleets = [f"fleet {name}: {path}:{line}" for name, path, line in _fleets(loaded)]
    return "\n".join([options, "", *(own_line(printable(line)) for line in (*found, *fleets))])


def _json(files: ConfigurationFiles, loaded: Loaded, rows: list[_Row]) -> str:
    said = {
        "files": [
            {"kind": kind, "path": path, "state": state} for kind, path, state in _files(files, loaded)
        ],
        "fleets": [{"name": name, "path": path, "line": line} for name, path, line in _fleets(loaded)],
        "options": [{"option": row.option, "value": row.value, "from": _origin(row.origin)} for row in rows],
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


def _from(origin: Origin | None) -> str:
    if origin is None:
        return "default"
    return f"{origin.kind}, line {origin.line} ({origin.table})" if origin.table else str(origin)


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
