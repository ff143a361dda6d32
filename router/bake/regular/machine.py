"""Matches by following all ways through a pattern at once, a character at a time.

The ways are kept in the order in which one that goes back would try them, so the match is the same: the
leftmost, and of those the one that is tried first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from router.bake.places import DefinitionFault
from router.bake.regular.classes import CharacterSet
from router.bake.regular.patterns import Alternatives, Assertion, Group, Pattern, Repeat, Sequence_, Tree

__all__ = ["Match", "Program"]

_MOST_INSTRUCTIONS = 5000

Match: TypeAlias = tuple[int, ...]
"""Where the match and its groups begin and end, two numbers each; -1 for a group that matched nothing."""


class _Instruction(NamedTuple):
    """``kind`` is ``character``, ``split``, ``save``, ``assert`` or ``match``."""

    kind: str
    test: Callable[[str], bool] | None = None
    assertion: str = ""
    targets: tuple[int, ...] = ()
    slot: int = 0


class Program:
    """A pattern, ready to match."""

    def __init__(self, pattern: Pattern) -> None:
        self.names = pattern.names
        self._code: list[_Instruction] = []
        self._slots = 2 * (len(pattern.names) + 1)
        self._emit_tree(pattern.tree)
        self._emit(_Instruction("match"))

    def steps(self, text: str) -> int:
        """Return how many steps the matches in a text take at most."""
        return (len(text) + 1) * len(self._code)

    def all_matches(self, text: str) -> Iterator[Match]:
        """Go through the matches that don't overlap."""
        position, before = 0, -1
        while position <= len(text):
            found = self._match(text, position)
            if found is None:
                return
            # An empty match right behind another is none.
            if found[1] > found[0] or found[0] != before:
                yield found
                before = found[1]
            position = found[1] if found[1] > found[0] else found[1] + 1

    def _emit(self, instruction: _Instruction) -> int:
        if len(self._code) >= _MOST_INSTRUCTIONS:
            raise DefinitionFault("the pattern is too large")
        self._code.append(instruction)
        return len(self._code) - 1

    def _patch(self, at: int, *targets: int) -> None:
        self._code[at] = self._code[at]._replace(targets=targets)

    def _emit_tree(self, tree: Tree) -> None:
        match tree:
            case CharacterSet():
                self._emit(_Instruction("character", tree.has))
            case Sequence_(parts=parts):
                for each in parts:
                    self._emit_tree(each)
            case Alternatives(options=options):
                self._emit_alternatives(options)
            case Group(inner=inner, number=number):
                self._emit(_Instruction("save", slot=2 * number))
                self._emit_tree(inner)
                self._emit(_Instruction("save", slot=2 * number + 1))
            case Assertion(kind=kind):
                self._emit(_Instruction("assert", assertion=kind))
            case Repeat():
                self._emit_repeat(tree)

    def _emit_alternatives(self, options: Sequence[Tree]) -> None:
        jumps: list[int] = []
        for each in options[:-1]:
            split = self._emit(_Instruction("split"))
            self._emit_tree(each)
            jumps.append(self._emit(_Instruction("split")))
            self._patch(split, split + 1, len(self._code))
        self._emit_tree(options[-1])
        for jump in jumps:
            self._patch(jump, len(self._code))

    def _emit_repeat(self, tree: Repeat) -> None:
        for _ in range(tree.least):
            self._emit_tree(tree.inner)
        if tree.most is None:
            split = self._emit(_Instruction("split"))
            self._emit_tree(tree.inner)
            self._patch(self._emit(_Instruction("split")), split)
            self._patch_split(split, tree)
            return
        splits: list[int] = []
        for _ in range(tree.most - tree.least):
            splits.append(self._emit(_Instruction("split")))
            self._emit_tree(tree.inner)
        for split in splits:
            self._patch_split(split, tree)

    def _patch_split(self, split: int, tree: Repeat) -> None:
        targets = (len(self._code), split + 1) if tree.lazy else (split + 1, len(self._code))
        self._patch(split, *targets)

    def _match(self, text: str, begin: int) -> Match | None:
        threads: dict[int, Match] = {}
        found: Match | None = None
        for position in range(begin, len(text) + 1):
            if found is None:
                empty = (position, -1, *(-1 for _ in range(self._slots - 2)))
                self._follow(threads, 0, empty, text, position)
            if not threads:
                if found is not None:
                    return found
                continue
            ahead: dict[int, Match] = {}
            for at, slots in threads.items():
                instruction = self._code[at]
                if instruction.kind == "match":
                    found = (slots[0], position, *slots[2:])
                    break
                if position < len(text) and instruction.test is not None and instruction.test(text[position]):
                    self._follow(ahead, at + 1, slots, text, position + 1)
            threads = ahead
        return found

    def _follow(self, threads: dict[int, Match], start: int, slots: Match, text: str, position: int) -> None:
        """Add a way and all that it splits into, up to where each needs a character."""
        pending = [(start, slots)]
        while pending:
            at, kept = pending.pop()
            if at in threads:
                continue
            instruction = self._code[at]
            if instruction.kind == "split":
                # Remembered, so that a loop of nothing ends; it needs no character.
                threads[at] = kept
                pending.extend((target, kept) for target in reversed(instruction.targets))
            elif instruction.kind == "save":
                slot = instruction.slot
                threads[at] = kept
                pending.append((at + 1, (*kept[:slot], position, *kept[slot + 1 :])))
            elif instruction.kind == "assert":
                threads[at] = kept
                if _holds(instruction.assertion, text, position):
                    pending.append((at + 1, kept))
            else:
                threads[at] = kept


def _holds(assertion: str, text: str, position: int) -> bool:
    match assertion:
        case "begin":
            return position == 0
        case "end":
            return position == len(text)
        case "line begin":
            return position == 0 or text[position - 1] == "\n"
        case "line end":
            return position == len(text) or text[position] == "\n"
    before = position > 0 and _is_word(text[position - 1])
    after = position < len(text) and _is_word(text[position])
    return (before is not after) is (assertion == "word")


def _is_word(character: str) -> bool:
    return character.isascii() and (character.isalnum() or character == "_")
