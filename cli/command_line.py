"""The reading of a command line, and of the variables beside it, into the values of a command's options.

Help and shell completion are Typer's (`cli.typer_app` hands it the same declarations). Reading is done here,
because importing Typer and letting it set up its parser takes longer than the whole of a cached build. The
grammar is that of docker's commands: `--name value`, `--name=value`, `-n value`, `-nvalue`, flags that go
together (`-qv`) and may be given a truth value (`--push=false`), options that can stand alone and take a
value behind `=` only (`--require-warm=90`), and `--`, after which nothing is an option.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import assert_never

import router as library
from cli.groups import Argument, Option, variable
from cli.origins import COMMAND_LINE, Arguments, from_variable
from cli.parameters import Parameter
from router import UsageError, parse_bool

__all__ = ["HELP_NAMES", "HelpWantedError", "arguments_of", "value_of"]

HELP_NAMES = ("--help", "-h")

_WORDS = {"yes": True, "y": True, "on": True, "no": False, "n": False, "off": False}


class HelpWantedError(Exception):
    """The command line asks for help; what else it says does not count."""


def arguments_of(
    parameters: Sequence[Parameter], words: Sequence[str], environment: Mapping[str, str]
) -> Arguments:
    """Return the value of each parameter: from the command line, else its variable, else its default.

    A variable that holds a list has one item on each line, or on a single line items with blanks between; an
    empty variable is as none. Raises ``UsageError`` for what can't be read, ``HelpWantedError``.
    """
    reader = _Reader(parameters, words)
    reader.read()
    values = Arguments()
    for parameter in parameters:
        values[parameter.name] = parameter.default
        if isinstance(parameter.declared, Argument):
            if reader.positional and parameter.kind == "list":
                values[parameter.name] = list(reader.positional)
                reader.positional.clear()
            elif reader.positional:
                values[parameter.name] = reader.positional.popleft()
            elif parameter.declared.missing:
                raise UsageError(parameter.declared.missing)
        elif texts := reader.given.get(parameter.name):
            values.origins[parameter.name] = COMMAND_LINE
            if given := _given(parameter, parameter.declared, texts):
                values.put(
                    parameter.name, value_of(parameter, given, parameter.declared.names[0]), COMMAND_LINE
                )
        elif text := reader.in_variable(parameter.declared, environment):
            texts = _items(text) if parameter.kind == "list" else [text]
            name = variable(parameter.declared)
            values.put(parameter.name, value_of(parameter, texts, name), from_variable(name))
    if reader.positional:
        raise UsageError(f"unexpected argument: {reader.positional[0]}")
    return values


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

    def in_variable(self, option: Option, environment: Mapping[str, str]) -> str:
        """Return what an option's variable holds, empty where that does not count."""
        text = environment.get(variable(option), "")
        return "" if text and any(map(self._is_given, option.outranked_by)) else text

    def _is_given(self, name: str) -> bool:
        found = self._options.get(name)
        return found is not None and any(self.given.get(found[0].name, ()))

    def _long(self, word: str) -> None:
        name, equals, value = word.partition("=")
        parameter, option = self._find(name)
        if name == option.off:
            if equals:
                raise UsageError(f"{name} takes no value", hint=f"{option.names[0]}={value}, or {name} alone")
            self._add(parameter, "false")
        elif equals:
            self._add(parameter, value)
        elif option.implied:
            self._refuse_apart(parameter, name)
            self._add(parameter, option.implied)
        else:
            self._add(parameter, "1" if parameter.kind in {"flag", "count"} else self._next(name))

    def _refuse_apart(self, parameter: Parameter, name: str) -> None:
        """Raise ``UsageError`` for a number after an option that can stand alone: it would be an argument."""
        word = self._words[0] if self._words else ""
        if parameter.kind == "number" and _is_number(word):
            raise UsageError(
                f"{name} takes its value behind =, and {word} stands apart",
                hint=f"{name}={word}; as an argument it is ./{word}",
            )

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
            from cli.other_flags import hint_for

            hint = hint_for(name, self._options) or _near(name, self._options)
            raise UsageError(f"no such option: {name}", hint=hint, reason="option")
        return self._options[name]

    def _next(self, name: str) -> str:
        if not self._words:
            raise UsageError(f"option {name} needs a value")
        return self._words.popleft()

    def _add(self, parameter: Parameter, text: str) -> None:
        self.given.setdefault(parameter.name, []).append(text)


def _near(name: str, known: Iterable[str]) -> str | None:
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1, cutoff=0.7)
    return f"did you mean {near[0]}?" if near else None


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


def value_of(parameter: Parameter, texts: Sequence[str], source: str) -> object:
    """Convert what was given; of several texts for one value the last counts. Raises ``UsageError``."""
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
            return _bounded(source, last, parameter.declared)
        case _:
            assert_never(parameter.kind)


def _bounded(source: str, text: str, declared: Option | Argument) -> float:
    if not isinstance(declared, Option):
        return _number(source, text, float)
    number = _seconds(source, text) if declared.seconds else _number(source, text, float)
    unit = " s" if declared.seconds else ""
    if declared.minimum is not None and not number >= declared.minimum:
        raise _invalid(source, text, f"it must be at least {declared.minimum:g}{unit}")
    if declared.maximum is not None and number > declared.maximum:
        raise _invalid(source, text, f"it must be at most {declared.maximum:g}{unit}")
    return number


def _seconds(source: str, text: str) -> float:
    """Read a number of seconds, or a duration with its units."""
    if _is_number(text):
        return float(text)
    return library.parse_duration(text, library.Flag(name=source, example="10s"))


def _truth(source: str, text: str) -> bool:
    value = _WORDS.get(text.lower(), parse_bool(text))
    if value is None:
        raise _invalid(source, text, "it must be true or false")
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _number(source: str, text: str, kind: Callable[[str], float]) -> float:
    try:
        return kind(text)
    except ValueError as exc:
        raise _invalid(source, text, "it must be a number") from exc


def _invalid(source: str, text: str, why: str) -> UsageError:
    return UsageError(f'invalid {source} "{text}": {why}')
