"""The regular expressions of Go that file patterns become, for Python's ``re``.

``moby/patternmatcher`` turns a pattern into an expression of Go's ``regexp`` and leaves some characters as
they stand (``|``, ``{``, ``^``, and all that follows a backslash or a bracket), so the meaning of a pattern
is the meaning that Go's parser gives to the result. Only what can come out of a pattern is known here;
``\\p``, ``\\x``, ``\\Q`` and octal numbers are refused like mistakes.
"""

from __future__ import annotations

import re

__all__ = ["RegexpError", "translate"]

_MOST_REPEATS = 1000
_REPEAT = r"(?a)\{(\d+)(,(\d*))?\}"
_ANY_DIRECTORIES = "(.*/)?"

_ESCAPES = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ASSERTIONS = {"A": r"\A", "z": r"\Z", "b": r"\b", "B": r"\B"}
_SETS = {"d": "0-9", "s": r"\t\n\f\r ", "w": "0-9A-Za-z_"}
_COMPLEMENTS = {
    "D": r"\x00-/:-\U0010ffff",
    "S": r"\x00-\x08\x0b\x0e-\x1f!-\U0010ffff",
    "W": r"\x00-/:-@\[-\^`{-\U0010ffff",
}
_NAMED_SETS = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t-\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
# Go reads a byte that is no UTF-8 as this rune; here it is one of these characters.
_REPLACEMENT = "\ufffd"
_NO_UTF8 = "\udc80-\udcff"


class RegexpError(ValueError):
    """Go would refuse the expression."""


def translate(expression: str) -> str:
    """Return what ``re.match`` needs to say what Go's ``MatchString`` says. Raises RegexpError."""
    return _Translation(expression).run()


class _Translation:
    """One pass over an expression: complete alternatives, and the pieces of the one at hand."""

    def __init__(self, expression: str) -> None:
        self._text = expression
        self._position = 0
        self._alternatives: list[list[str]] = [[]]
        self._repeatable = False
        self._repeated = False

    def run(self) -> str:
        while self._position < len(self._text):
            self._step()
        return "|".join(self._anchored(pieces) for pieces in self._alternatives)

    @staticmethod
    def _anchored(pieces: list[str]) -> str:
        # Go looks for a match anywhere, re.match only at the start.
        return ("" if pieces[:1] == ["^"] else "(?s:.*?)") + "".join(pieces)

    def _step(self) -> None:
        text, position = self._text, self._position
        character = text[position]
        self._position += 1
        if character == "\\":
            self._escape()
        elif character == "[":
            self._add(self._class())
        elif character == "*":
            self._repeat("*")
        elif character == "{" and (repeat := re.compile(_REPEAT).match(text, position)):
            self._position = repeat.end()
            self._repeat(_counts(repeat))
        elif text.startswith(_ANY_DIRECTORIES, position):
            self._position = position + len(_ANY_DIRECTORIES)
            self._any_directories()
        elif character == "|":
            self._alternatives.append([])
            self._repeatable = self._repeated = False
        elif character in "^.$":
            self._add("\\Z" if character == "$" else character)
        else:
            self._add(_literal(character))

    def _add(self, piece: str) -> None:
        self._alternatives[-1].append(piece)
        self._repeatable, self._repeated = True, False

    def _any_directories(self) -> None:
        # Twice in a row says the same as once, and would take much longer to find out.
        if self._alternatives[-1][-1:] != ["(?:.*/)?"]:
            self._add("(?:.*/)?")
        self._repeated = True

    def _repeat(self, operator: str) -> None:
        if not self._repeatable or self._repeated:
            raise RegexpError(f"nothing that {operator!r} could repeat")
        pieces = self._alternatives[-1]
        last = pieces.pop()
        # Only the first piece may be a bare anchor: that is how an anchored alternative is known.
        pieces.append(f"{last}{operator}" if last != "^" else f"(?:\\A){operator}")
        self._repeated = True

    def _escape(self) -> None:
        character = self._text[self._position : self._position + 1]
        if character in _ASSERTIONS:
            self._position += 1
            self._add(f"(?:{_ASSERTIONS[character]})")
        elif piece := self._set():
            self._add(f"[{piece}]")
        else:
            self._add(_literal(self._escaped()))

    def _set(self) -> str:
        """Take the letter of a set such as the digits, if one is there."""
        character = self._text[self._position : self._position + 1]
        piece = (_SETS.get(character) or _COMPLEMENTS.get(character)) if character else None
        self._position += piece is not None
        return piece or ""

    def _escaped(self) -> str:
        """Take one character that stands after a backslash."""
        character = self._text[self._position : self._position + 1]
        self._position += 1
        if character in _ESCAPES:
            return _ESCAPES[character]
        if not character or character.isalnum() or not character.isascii():
            raise RegexpError(f"a backslash before {character!r}")
        return character

    def _class(self) -> str:
        """Take what follows ``[`` up to its closing bracket."""
        text = self._text
        negated = text.startswith("^", self._position)
        self._position += negated
        ranges: list[str] = []
        while not ranges or not text.startswith("]", self._position):
            if self._position >= len(text):
                raise RegexpError("a bracket isn't closed")
            ranges.append(self._named_set() or self._range())
        self._position += 1
        return f"[{'^' if negated else ''}{''.join(ranges)}]"

    def _named_set(self) -> str:
        """Take ``[:name:]`` or the letter of a set, if one is there."""
        text, start = self._text, self._position
        if text.startswith("\\", start):
            self._position += 1
            piece = self._set()
            self._position -= not piece
            return piece
        end = text.find(":]", start + 2)
        if not text.startswith("[:", start) or end < 0:
            return ""
        self._position = end + 2
        if text[start + 2 : end] not in _NAMED_SETS:
            raise RegexpError(f"no set of characters is called {text[start : end + 2]}")
        return _NAMED_SETS[text[start + 2 : end]]

    def _range(self) -> str:
        low = high = self._class_character()
        text, position = self._text, self._position
        if text.startswith("-", position) and text[position + 1 : position + 2] not in ("", "]"):
            self._position += 1
            high = self._class_character()
        if low > high:
            raise RegexpError(f"the range {low}-{high} is upside down")
        extra = _NO_UTF8 if low <= _REPLACEMENT <= high else ""
        return f"{re.escape(low)}-{re.escape(high)}{extra}"

    def _class_character(self) -> str:
        character = self._text[self._position]
        self._position += 1
        return self._escaped() if character == "\\" else character


def _literal(character: str) -> str:
    return f"[{_REPLACEMENT}{_NO_UTF8}]" if character == _REPLACEMENT else re.escape(character)


def _counts(repeat: re.Match[str]) -> str:
    """Return the operator for ``{n}``, ``{n,}`` or ``{n,m}``."""
    least, rest, most = repeat.groups()
    if int(most or least) < int(least) or max(int(least), int(most or 0)) > _MOST_REPEATS:
        raise RegexpError(f"a repetition of {repeat[0]}")
    return f"{{{least}{rest or ''}}}"
