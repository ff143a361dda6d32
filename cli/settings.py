"""The options that configuration files can set, derived from the options' own declarations, and their order.

The command line counts most, then variables, then the table of the fleet that is chosen, then ``[defaults]``;
of two files the project's before the user's. What excludes an option excludes it from all that counts less.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import router as library
from cli.build_options import ImageOptions, ResultOptions
from cli.command_line import value_of
from cli.config_files import ConfigurationFiles
from cli.groups import Option
from cli.named import NamedTuple
from cli.options import DisplayOptions, RoutingOptions
from cli.origins import Arguments, Origin, OriginKind
from cli.parameters import Kind, Parameter, parameters_of
from router import (
    ConfigDocument,
    ConfigForm,
    ConfigKey,
    ConfigSetting,
    UsageError,
    home_directory,
    parse_document,
    read_config_file,
)

__all__ = ["Loaded", "config_keys", "fill", "load", "read"]

_FLEET, _DEFAULTS = "--fleet", "defaults"
_FORMS: Mapping[Kind, ConfigForm] = {
    "flag": "truth",
    "count": "number",
    "number": "number",
    "choice": "text",
    "text": "text",
    "list": "list",
}


class Loaded(NamedTuple):
    """The files that count, the project's first; ``untrusted`` is the path of one that does not, or empty."""

    documents: tuple[ConfigDocument, ...]
    untrusted: str = ""

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user should know."""
        if not self.untrusted:
            return ()
        return (f"ignoring {self.untrusted}: it is not trusted; read it, then run warmroute config trust",)


class _Layer(NamedTuple):
    table: str
    document: ConfigDocument
    settings: Mapping[str, ConfigSetting]


def load(files: ConfigurationFiles, environment: Mapping[str, str]) -> Loaded:
    """Read the files that are there; one of a project only if it is trusted. Raises ``UsageError``."""
    documents, untrusted = [], ""
    if files.project:
        data = read_config_file(files.project)
        if library.is_trusted(files.project, data, environment):
            documents.append(read(files.project, data, environment, of_project=True))
        else:
            untrusted = files.project
    if os.path.isfile(files.user):
        documents.append(read(files.user, read_config_file(files.user), environment, of_project=False))
    return Loaded(tuple(documents), untrusted)


def read(path: str, data: bytes, environment: Mapping[str, str], *, of_project: bool) -> ConfigDocument:
    """Read one file's bytes. Raises ``UsageError``."""
    return parse_document(data, path, config_keys(), of_project=of_project, home=home_directory(environment))


def fill(
    parameters: Sequence[Parameter], arguments: Arguments, loaded: Loaded, environment: Mapping[str, str]
) -> None:
    """Give the options that nobody has given the values that files have. Raises ``UsageError``."""
    filler = _Filler(parameters, arguments, environment)
    defaults = [_Layer(_DEFAULTS, document, document.defaults) for document in loaded.documents]
    for layer in defaults:
        filler.take(layer, only=_FLEET)
    if name := arguments.get("fleet"):
        for layer in _fleet(str(name), loaded):
            filler.take(layer)
    for layer in defaults:
        filler.take(layer)


class _Filler:
    """Takes tables in turn, from the one that counts most."""

    def __init__(
        self, parameters: Sequence[Parameter], arguments: Arguments, environment: Mapping[str, str]
    ) -> None:
        self._arguments = arguments
        self._known = {option.names[0]: (each, option) for each, option in _configurable(parameters)}
        self._rivals = {name for name, (_, option) in self._known.items() if environment.get(option.rival)}

    def take(self, layer: _Layer, *, only: str = "") -> None:
        """Take a table's values of options that nothing which counts more has given, or excludes."""
        excluding = self._excluding(layer)
        for name, (parameter, option) in self._known.items():
            setting = layer.settings.get(name.lstrip("-"))
            if setting is None or (only and name != only) or parameter.name in self._arguments.origins:
                continue
            if not excluding.intersection((name, *option.outranked_by)):
                self._put(parameter, setting, layer)

    def _excluding(self, layer: _Layer) -> set[str]:
        given = {name for name, (each, _) in self._known.items() if each.name in self._arguments.counting}
        # A fleet was chosen for its own addresses, whatever else the environment names.
        return given - {_FLEET} if layer.table != _DEFAULTS else given | self._rivals

    def _put(self, parameter: Parameter, setting: ConfigSetting, layer: _Layer) -> None:
        document = layer.document
        kind: OriginKind = "project" if document.of_project else "user"
        origin = Origin(kind, document.path, layer.table, setting.line)
        if texts := [text for text in setting.texts if text]:
            source = f"{layer.table}.{parameter.name.replace('_', '-')} in {origin}"
            self._arguments.put(parameter.name, value_of(parameter, texts, source), origin)


def _fleet(name: str, loaded: Loaded) -> Sequence[_Layer]:
    """Return a fleet's tables. Raises ``UsageError`` where no file has it."""
    found = [
        _Layer(f"fleet.{name}", document, document.fleets[name])
        for document in loaded.documents
        if name in document.fleets
    ]
    if not found:
        names = sorted({each for document in loaded.documents for each in document.fleets})
        raise UsageError(f'no fleet named "{name}"', hint=_fleet_hint(name, names, loaded))
    return found


def _fleet_hint(name: str, names: Sequence[str], loaded: Loaded) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    hint += f"there are {', '.join(names)}" if names else f"a configuration file names one as [fleet.{name}]"
    return f"{hint}; {loaded.warnings[0]}" if loaded.untrusted else hint


@cache
def config_keys() -> Mapping[str, ConfigKey]:
    """Return what can stand in a file, by its key: the option's name."""
    routing = {option.names[0] for _, option in _configurable(parameters_of(_of_fleets))}
    return {
        option.names[0].lstrip("-"): ConfigKey(
            form=_form(parameter, option),
            users=option.files == "user",
            fleets=option.names[0] in routing - {_FLEET},
        )
        for parameter, option in _configurable(parameters_of(_all))
    }


def _form(parameter: Parameter, option: Option) -> ConfigForm:
    if option.seconds:
        return "duration"
    if option.metavar in {"PATH", "DIR"}:
        return "path"
    return "addresses" if option.metavar.endswith("URL") else _FORMS[parameter.kind]


def _configurable(parameters: Sequence[Parameter]) -> Iterator[tuple[Parameter, Option]]:
    for parameter in parameters:
        if isinstance(option := parameter.declared, Option) and option.files != "none":
            yield parameter, option


def _of_fleets(routing: RoutingOptions) -> None:
    """Stand for a command with all options that a fleet can have."""


def _all(
    routing: RoutingOptions, image: ImageOptions, result: ResultOptions, display: DisplayOptions
) -> None:
    """Stand for a command with all options that can have a default."""
