"""Options as values, and the reading of a command line into them.

A command is a function; each of its parameters is annotated with the `Option` or `Argument` it stands for.
Help and shell completion are Typer's (`cli.typer_app` hands it the same table). Reading is done here,
because importing Typer and letting it set up its parser takes longer than the whole of a cached build. The
grammar is that of docker's commands: `--name value`, `--name=value`, `-n value`, `-nvalue`, flags that go
together (`-qv`) and may be given a truth value (`--push=false`), and `--`, after which nothing is an option.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Literal, NamedTuple, Union, assert_never, get_args, get_origin, get_type_hints

from router.errors import UsageError
from router.notation.boolean import parse_bool

__all__ = [
    "HELP_NAMES",
    "Argument",
    "HelpWantedError",
    "Option",
    "Parameter",
    "arguments_of",
    "parameters_of",
    "variable",
]

HELP_NAMES = ("--help", "-h")

Kind = Literal["flag", "count", "choice", "list", "number", "text"]

_WORDS = {"yes": True, "y": True, "on": True, "no": False, "n": False, "off": False}


class Option(NamedTuple):
    """An option: its names, the one that its variable is called after first; ``off`` turns a flag off.

    ``aliases`` are names of other programs that are understood as well. ``minimum`` bounds a number; ``env``
    is a variable that is not called after it. An option that is given empty counts as not given, and its
    variable does neither, unless ``refuses_empty``. The help may hold rich's markup.
    """

    names: tuple[str, ...]
    help: str
    panel: str
    metavar: str = ""
    off: str = ""
    aliases: tuple[str, ...] = ()
    minimum: float | None = None
    env: str = ""
    refuses_empty: bool = False


class Argument(NamedTuple):
    """A positional argument; one that holds a list takes all that are left. Behind the first word of one
    with ``rest`` nothing is an option: it is another program's command line."""

    metavar: str
    help: str
    required: bool = False
    rest: bool = False


class Parameter(NamedTuple):
    """A parameter of a command: what it stands for, what it may be, and its value where nothing is given."""

    name: str
    declared: Option | Argument
    kind: Kind
    choices: tuple[str, ...]
    default: object


class HelpWantedError(Exception):
    """The command line asks for help; what else it says does not count."""


def variable(option: Option) -> str:
    """Return the name of the variable that an option can come from."""
    return option.env or "WARMROUTE_" + option.names[0].lstrip("-").replace("-", "_").upper()


def parameters_of(command: Callable[..., None]) -> tuple[Parameter, ...]:
    """Return the parameters of a command, in the order of its signature."""
    hints = get_type_hints(command, include_extras=True)
    hints.pop("return", None)
    defaults = dict(zip(reversed(list(hints)), reversed(command.__defaults__ or ()), strict=False))
    defaults |= command.__kwdefaults__ or {}
    return tuple(_parameter(name, hint, defaults.get(name)) for name, hint in hints.items())


def arguments_of(
    parameters: Sequence[Parameter], words: Sequence[str], environment: Mapping[str, str]
) -> dict[str, object]:
    """Return the value of each parameter: from the command line, else its variable, else its default.

    A variable that holds a list has one item on each line, or on a single line items with blanks between; an
    empty variable is as none. Raises ``UsageError`` for what can't be read, ``HelpWantedError``.
    """
    reader = _Reader(parameters, words)
    reader.read()
    values: dict[str, object] = {}
    for parameter in parameters:
        values[parameter.name] = parameter.default
        if isinstance(parameter.declared, Argument):
            if reader.positional and parameter.kind == "list":
                values[parameter.name] = list(reader.positional)
                reader.positional.clear()
            elif reader.positional:
                values[parameter.name] = reader.positional.popleft()
            elif parameter.declared.required:
                raise UsageError(f"{parameter.declared.metavar} is missing")
        elif texts := reader.given.get(parameter.name):
            if given := _given(parameter, parameter.declared, texts):
                values[parameter.name] = _value(parameter, given, parameter.declared.names[0])
        elif text := environment.get(variable(parameter.declared), ""):
            texts = _items(text) if parameter.kind == "list" else [text]
            values[parameter.name] = _value(parameter, texts, variable(parameter.declared))
    if reader.positional:
        raise UsageError(f"unexpected argument: {reader.positional[0]}")
    return values


def _parameter(name: str, hint: object, default: object) -> Parameter:
    annotated, declared = get_args(hint)
    options = [part for part in get_args(annotated) if part is not NoneType]
    kind = options[0] if get_origin(annotated) in {Union, UnionType} else annotated
    choices = tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()
    return Parameter(name, declared, _kind(kind), choices, default)


def _kind(annotation: object) -> Kind:
    if get_origin(annotation) is Literal:
        return "choice"
    if get_origin(annotation) is list:
        return "list"
    kinds: dict[object, Kind] = {bool: "flag", int: "count", float: "number", str: "text"}
    return kinds[annotation]


class _Reader:
    """Takes a command line apart: ``given`` has the texts of each option, ``positional`` the rest."""

    def __init__(self, parameters: Sequence[Parameter], words: Sequence[str]) -> None:
        self.given: dict[str, list[str]] = {}
        self.positional: deque[str] = deque()
        self._rest = any(isinstance(each.declared, Argument) and each.declared.rest for each in parameters)
        self._words = deque(words)
        self._options: dict[str, tuple[Parameter, Option]] = {}
        for parameter in parameters:
            if isinstance(declared := parameter.declared, Option):
                names = (*declared.names, *declared.aliases, *filter(None, [declared.off]))
                self._options.update(dict.fromkeys(names, (parameter, declared)))

    def read(self) -> None:
        while self._words:
            word = self._words.popleft()
            if word == "--":
                self.positional.extend(self._words)
                return
            if word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and word != "-":
                self._short(word)
            else:
                self.positional.append(word)
                if self._rest:
                    self.positional.extend(self._words)
                    return

    def _long(self, word: str) -> None:
        name, equals, value = word.partition("=")
        parameter, option = self._find(name)
        if name == option.off:
            if equals:
                raise UsageError(f"{name} takes no value", hint=f"{option.names[0]}={value}, or {name} alone")
            self._add(parameter, "false")
        elif equals:
            self._add(parameter, value)
        else:
            self._add(parameter, "1" if parameter.kind in {"flag", "count"} else self._next(name))

    def _short(self, word: str) -> None:
        for position, letter in enumerate(word[1:], start=2):
            parameter, _ = self._find(f"-{letter}")
            if parameter.kind not in {"flag", "count"}:
                rest = word[position:]
                self._add(parameter, rest.removeprefix("=") if rest else self._next(f"-{letter}"))
                return
            self._add(parameter, "1")

    def _find(self, name: str) -> tuple[Parameter, Option]:
        if name in HELP_NAMES:
            raise HelpWantedError
        if name not in self._options:
            from difflib import get_close_matches

            near = get_close_matches(name, self._options, n=1, cutoff=0.7)
            raise UsageError(
                f"no such option: {name}", hint=f"did you mean {near[0]}?" if near else None, reason="option"
            )
        return self._options[name]

    def _next(self, name: str) -> str:
        if not self._words:
            raise UsageError(f"option {name} needs a value")
        return self._words.popleft()

    def _add(self, parameter: Parameter, text: str) -> None:
        self.given.setdefault(parameter.name, []).append(text)


def _items(text: str) -> list[str]:
    """Split a variable's list. Values may hold any character but a line end, so commas don't separate."""
    return [line.strip() for line in text.split("\n") if line.strip()] if "\n" in text else text.split()


def _given(parameter: Parameter, option: Option, texts: Sequence[str]) -> Sequence[str]:
    """Return the texts that count: an empty one does not, as scripts give it (``--iidfile=$UNSET``).

    Raises ``UsageError`` for an option of which buildx, or buildctl, refuses that.
    """
    if option.refuses_empty and "" in texts:
        raise _invalid(option.names[0], "", "it is empty")
    match parameter.kind:
        case "flag" | "count":
            return texts  # without a value they are something else than with an empty one
        case "list":
            return [text for text in texts if text]
        case _:
            return texts if texts[-1] else ()


def _value(parameter: Parameter, texts: Sequence[str], source: str) -> object:
    """Convert what was given; of several texts for one value the last counts."""
    last = texts[-1]
    match parameter.kind:
        case "text":
            return last
        case "list":
            return list(texts)
        case "choice":
            if last not in parameter.choices:
                raise _invalid(source, last, f"choose one of {', '.join(parameter.choices)}")
            return last
        case "flag":
            return _truth(source, last)
        case "count":
            return sum(_number(source, text, int) for text in texts)
        case "number":
            number = _number(source, last, float)
            minimum = parameter.declared.minimum if isinstance(parameter.declared, Option) else None
            if minimum is not None and not number >= minimum:
                raise _invalid(source, last, f"it must be at least {minimum:g}")
            return number
        case _:
            assert_never(parameter.kind)


def _truth(source: str, text: str) -> bool:
    value = _WORDS.get(text.lower(), parse_bool(text))
    if value is None:
        raise _invalid(source, text, "it must be true or false")
    return value


def _number(source: str, text: str, kind: Callable[[str], float]) -> float:
    try:
        return kind(text)
    except ValueError as exc:
        raise _invalid(source, text, "it must be a number") from exc


def _invalid(source: str, text: str, why: str) -> UsageError:
    return UsageError(f'invalid {source} "{text}": {why}')
