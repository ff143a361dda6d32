"""A small terminal: enough of one to see what the tty display leaves on it."""

from __future__ import annotations

import re

_TOKENS = re.compile(r"\x1b\[(\??)(\d*)([A-Za-z])|([\r\n])|([^\x1b\r\n])")


class Terminal:
    """Takes output; narrow characters only. Rows that scroll off the top go to the history."""

    def __init__(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows
        self.history: list[str] = []
        self.cursor_visible = True
        self._lines = [""]
        self._row = self._column = 0
        self._wrap = True

    def feed(self, text: str) -> None:
        """Take what a program writes; anything unknown is an error."""
        position = 0
        for token in _TOKENS.finditer(text):
            assert token.start() == position, f"not understood: {text[position : token.start()]!r}"
            position = token.end()
            private, amount, command, control, character = token.groups()
            if command:
                self._command(private + command, int(amount or 0))
            elif control:
                self._control(control)
            else:
                self._put(character)
        assert position == len(text)

    def screen(self) -> list[str]:
        """The rows in view, without the blanks at their ends and below them."""
        lines = [line.rstrip() for line in self._lines]
        while lines and not lines[-1]:
            lines.pop()
        return lines

    def everything(self) -> list[str]:
        """The history and the rows in view."""
        return [line.rstrip() for line in self.history] + self.screen()

    def _command(self, command: str, amount: int) -> None:
        match command:
            case "A":
                self._row = max(self._row - max(amount, 1), 0)
            case "K":
                self._lines[self._row] = self._lines[self._row][: self._column]
            case "J":
                del self._lines[self._row + 1 :]
                self._lines[self._row] = self._lines[self._row][: self._column]
            case "?h" | "?l" if amount == 25:
                self.cursor_visible = command == "?h"
            case "?h" | "?l" if amount == 7:
                self._wrap = command == "?h"
            case "m":
                pass
            case _:
                raise AssertionError(f"not understood: {amount} {command}")

    def _control(self, control: str) -> None:
        self._column = 0
        if control == "\r":
            return
        self._row += 1
        if self._row == len(self._lines):
            self._lines.append("")
        if len(self._lines) > self.rows:
            self.history.append(self._lines.pop(0))
            self._row -= 1

    def _put(self, character: str) -> None:
        if self._column == self.columns:
            if not self._wrap:
                return
            self._control("\n")
        line = self._lines[self._row].ljust(self._column)
        self._lines[self._row] = line[: self._column] + character + line[self._column + 1 :]
        self._column += 1
