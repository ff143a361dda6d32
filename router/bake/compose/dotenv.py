"""``.env`` files: ``NAME=value`` lines, with quotes, comments and variables, as Compose reads them."""

from __future__ import annotations

import re

from router.bake.compose.substitution import Lookup, substitute
from router.bake.places import DefinitionFault

__all__ = ["parse_dotenv"]

_SPACE = "\t\v\f\r \x85\xa0"
_ESCAPE = re.compile(r'\\([abcfnrtv$"\\]|0\d{0,3})')
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}
_EXPORT = re.compile(r"export\s+")
_MOST_CHARACTERS = 1 << 22


def parse_dotenv(text: str, lookup: Lookup) -> dict[str, str]:
    """Return the variables of a file; those that are set already come first in what its values refer to."""
    if len(text) > _MOST_CHARACTERS:
        raise DefinitionFault(".env is too large")
    return _Reader(text.removeprefix("\ufeff").replace("\r\n", "\n"), lookup).all()


class _Reader:
    def __init__(self, text: str, lookup: Lookup) -> None:
        self._text = text
        self._at = 0
        self._lookup = lookup
        self._found: dict[str, str] = {}

    def all(self) -> dict[str, str]:
        while self._skip():
            name, inherited = self._name()
            if inherited:
                value = self._lookup(name)
                if value is not None:
                    self._found[name] = value
            else:
                self._found[name] = self._value()
        return self._found

    def _skip(self) -> bool:
        """Go to the next line that says something; return whether there is one."""
        text = self._text
        while self._at < len(text):
            if text[self._at].isspace():
                self._at += 1
            elif text[self._at] == "#":
                end = text.find("\n", self._at)
                self._at = len(text) if end < 0 else end
            else:
                return True
        return False

    def _fail(self, why: str) -> DefinitionFault:
        line = self._text.count("\n", 0, self._at) + 1
        return DefinitionFault(f".env: line {line}: {why}")

    def _name(self) -> tuple[str, bool]:
        """Read a name; return it, and whether it stands alone and has its value from outside."""
        text = self._text
        exported = _EXPORT.match(text, self._at)
        begin = self._at = exported.end() if exported else self._at
        while self._at < len(text) and text[self._at] not in "=:\n":
            character = text[self._at]
            if not (
                character in _SPACE or character in "_.-[]" or character.isalpha() or character.isnumeric()
            ):
                raise self._fail(f"a variable's name can't contain {character!r}")
            self._at += 1
        ended = self._at >= len(text)
        name = text[begin : self._at].rstrip()
        inherited = ended or text[self._at] == "\n"
        if " " in name:
            raise self._fail("a variable's name can't contain a space")
        if ended:
            # As Compose has it: a last name without a line end is none.
            return "", True
        self._at += 1
        while self._at < len(text) and text[self._at] in _SPACE:
            self._at += 1
        return name, inherited

    def _value(self) -> str:
        quote = self._text[self._at : self._at + 1]
        if quote in {'"', "'"} and quote:
            return self._quoted(quote)
        end = self._text.find("\n", self._at)
        end = len(self._text) if end < 0 else end
        value = self._text[self._at : end].split(" #")[0].rstrip()
        self._at = end
        return self._expanded(value)

    def _quoted(self, quote: str) -> str:
        made: list[str] = []
        text = self._text
        position = self._at + 1
        while position < len(text) and text[position] != quote:
            if text.startswith("\\", position) and position + 1 < len(text):
                # An escaped quote is that quote; other escapes are kept for later.
                following = text[position + 1]
                made.append(following if following == quote else f"\\{following}")
                position += 2
            else:
                made.append(text[position])
                position += 1
        if position >= len(text):
            raise self._fail("a quoted value has no closing quote")
        self._at = position + 1
        value = "".join(made)
        return self._expanded(_ESCAPE.sub(_unescaped, value)) if quote == '"' else value

    def _expanded(self, value: str) -> str:
        def lookup(name: str) -> str | None:
            outer = self._lookup(name)
            return self._found.get(name) if outer is None else outer

        return substitute(value, lookup)


def _unescaped(match: re.Match[str]) -> str:
    selected = match[1]
    if selected == "$":
        return "$$"  # a dollar, for what replaces variables
    if selected.startswith("0"):
        return chr(int(selected, 8)) if len(selected) == 4 else match[0]
    return _SIMPLE.get(selected, match[0])
