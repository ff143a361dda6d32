"""The tokens of HCL's native syntax.

A string without templates and escapes, which most are, is one token. In any other string, and in a heredoc,
the literal parts and what stands between the braces of a template are tokens of the same list, as HCL's
scanner (https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md) has them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from router.bake.places import DefinitionFault, Source

__all__ = ["Tokens", "scan", "scan_template"]

# What stands between tokens, without a way back, and a token. The groups' names are the kinds; an operator is
# its own kind.
_MAIN = re.compile(
    r"""(?:[ \t]++|\#[^\n]*+|//[^\n]*+|(?>/\*(?s:.*?)\*/))*+
    (?:(?P<newline>\r?\n)
    |(?P<ident>[^\W\d][\w-]*)
    |(?P<string>"[^"\\$%\r\n]*")
    |(?P<number>\d(?:\.?(?:\d|[eE][+-]?\d))*)
    |(?P<heredoc><<-?[^\W\d][\w-]*\r?\n)
    |(?P<operator>==|!=|>=|<=|&&|\|\||=>|\.\.\.|::|/(?!\*)|[][().,*%+\-=<>!?:])
    |(?P<open>\{)
    |(?P<close>~?\})
    |(?P<quote>")
    |(?P<end>\Z))""",
    re.VERBOSE,
)
_QUOTED = re.compile(
    r"""(?P<literal>(?:\\[^\r\n]|\$\$\{|%%\{|\$(?!\{)|%(?!\{)|[^\\"$%\r\n])+)
    |(?P<interpolation>\$\{~?)|(?P<directive>%\{~?)|(?P<quote>")""",
    re.VERBOSE,
)
# A line of a heredoc, or the part of it before a template.
_LINE = re.compile(
    r"""(?P<literal>(?:\$\$\{|%%\{|\$(?!\{)|%(?!\{)|[^$%\n])*\n|(?:\$\$\{|%%\{|\$(?!\{)|%(?!\{)|[^$%\n])+)
    |(?P<interpolation>\$\{~?)|(?P<directive>%\{~?)""",
    re.VERBOSE,
)
_MOST_TOKENS = 1_000_000
_DEEPEST = 120
"""Strings within templates within strings that are read."""


class Tokens(NamedTuple):
    """What a text consists of: kinds, texts and offsets of its tokens, one list each; the last is ``end``."""

    source: Source
    kinds: list[str]
    texts: list[str]
    begins: list[int]


def scan(source: Source, begin: int = 0, end: int | None = None) -> Tokens:
    """Return the tokens of a text, or of a part of it."""
    scanner = _Scanner(source, len(source.text) if end is None else end)
    begin += source.text.startswith("\ufeff", begin)
    scanner.main(begin)
    return scanner.tokens


def scan_template(source: Source) -> Tokens:
    """Return the tokens of a template that is no HCL string: a string of JSON."""
    scanner = _Scanner(source, len(source.text))
    scanner.bare()
    return scanner.tokens


class _Scanner:
    def __init__(self, source: Source, end: int) -> None:
        self.tokens = Tokens(source, [], [], [])
        self._text = source.text
        self._end = end
        self._depth = 0
        self._checked = 0

    def main(self, position: int, *, within: bool = False) -> int:
        """Read tokens up to the end, or within a template to the brace that ends it; return where they
        end."""
        kinds, texts, begins = self.tokens.kinds.append, self.tokens.texts.append, self.tokens.begins.append
        match_at, text, end = _MAIN.match, self._text, self._end
        braces = 0
        while True:
            match = match_at(text, position, end)
            if match is None:
                raise self._unreadable(position)
            kind = match.lastgroup or ""
            found = match[kind]
            position = match.end()
            if kind in {"operator", "open"}:
                kind = found
                braces += kind == "{"
            elif kind == "close":
                if not braces and within:
                    kind = "template end"
                else:
                    braces -= 1
                    kind = found
            kinds(kind)
            texts(found)
            begins(position - len(found))
            if position > self._checked:
                self._check(position)
            if kind == "quote":
                position = self._quoted(position)
            elif kind == "heredoc":
                position = self._heredoc(position, found)
            elif kind in {"template end", "end"}:
                return position

    def _check(self, position: int) -> None:
        """Raise ``DefinitionFault`` where there are too many tokens; looked at now and then."""
        self._checked = position + _MOST_TOKENS // 8
        if len(self.tokens.kinds) > _MOST_TOKENS:
            raise DefinitionFault("the file is too large", self.tokens.source.place(position, position + 1))

    def bare(self) -> None:
        position = 0
        while position < self._end:
            match = _LINE.match(self._text, position)
            if match is None:
                raise self._unreadable(position)
            position = self._part(match)
        self._add("end", "", position)

    def _quoted(self, position: int) -> int:
        begin = position - 1
        while True:
            match = _QUOTED.match(self._text, position, self._end)
            if match is None:
                place = self.tokens.source.place(begin, begin + 1)
                raise DefinitionFault("a string has no closing quote on its line", place)
            if match.lastgroup == "quote":
                self._add("end quote", '"', position)
                return match.end()
            position = self._part(match)

    def _heredoc(self, position: int, opening: str) -> int:
        marker = opening.strip("<-\r\n")
        begin = position
        at_line_start = True
        while True:
            match = _LINE.match(self._text, position, self._end)
            if match is None:
                last = self._text[position : self._end]
                if at_line_start and last.strip() == marker:
                    self._add("end heredoc", last, position)
                    return self._end
                place = self.tokens.source.place(begin - len(opening), begin - 1)
                raise DefinitionFault(f"the heredoc has no line with its end marker {marker}", place)
            found = match[0]
            if match.lastgroup == "literal":
                if at_line_start and found.strip() == marker:
                    stop = position + len(found) - (1 if found.endswith("\n") else 0)
                    self._add("end heredoc", found.rstrip("\r\n"), position)
                    return stop
                at_line_start = found.endswith("\n")
            else:
                at_line_start = False
            position = self._part(match)

    def _part(self, match: re.Match[str]) -> int:
        """Add a part of a template, with what stands between its braces; return where it ends."""
        kind = match.lastgroup or ""
        self._add(kind, match[0], match.start())
        if kind == "literal":
            return match.end()
        self._depth += 1
        if self._depth > _DEEPEST:
            place = self.tokens.source.place(match.start(), match.end())
            raise DefinitionFault("templates are nested too deeply", place)
        end = self.main(match.end(), within=True)
        self._depth -= 1
        if self.tokens.kinds[-1] == "end":
            place = self.tokens.source.place(match.start(), match.end())
            raise DefinitionFault("there is no closing brace for this template sequence", place)
        return end

    def _add(self, kind: str, text: str, begin: int) -> None:
        self.tokens.kinds.append(kind)
        self.tokens.texts.append(text)
        self.tokens.begins.append(begin)

    def _unreadable(self, position: int) -> DefinitionFault:
        text = self._text
        while position < self._end and text[position] in " \t":
            position += 1
        place = self.tokens.source.place(position, position + 1)
        if text.startswith("/*", position):
            return DefinitionFault("the comment has no end", place)
        character = text[position : position + 1]
        hints = {
            "'": 'single quotes are not valid: use double quotes (")',
            ";": "semicolons are not valid: write each argument on its own line",
            "&": "bitwise operators are not supported: did you mean && (and)?",
            "|": "bitwise operators are not supported: did you mean || (or)?",
            "`": 'backticks are not valid: use double quotes (")',
        }
        return DefinitionFault(hints.get(character, f"the character {character!r} is not valid here"), place)
