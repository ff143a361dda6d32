"""What checks found, for people and for programs: what is fine in a line, what is not in three parts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from cli.render.foreign import own_line, printable

if TYPE_CHECKING:
    from router import Finding

__all__ = ["findings_json", "findings_text"]

# Longer lines are hard to read on the widest terminal.
_WIDEST = 110
_LEAST = 40
_INDENT = " " * 9


def findings_text(findings: Sequence[Finding], *, room: int | None, verbose: bool) -> str:
    """Return lines for a terminal of ``room`` columns, None where there is no end to a line.

    ``verbose``: also of what is fine say how it is known.
    """
    width = max(min(room or _WIDEST, _WIDEST), _LEAST)
    levels = Counter(finding.level for finding in findings)
    problems = f"{levels['problem']} problem{'' if levels['problem'] == 1 else 's'}"
    counted = f"{len(findings)} checks: {levels['ok']} ok, {levels['note']} to note, {problems}"
    lines: list[str] = []
    advised: set[str] = set()
    for finding in findings:
        lines += _lines(finding, width, verbose=verbose, again=finding.advice in advised)
        advised.add(finding.advice)
    return "\n".join([*lines, "", counted])


def findings_json(findings: Sequence[Finding]) -> str:
    """Return an array of objects."""
    listed = [
        {
            "check": finding.check,
            "subject": finding.subject,
            "level": finding.level,
            "tried": finding.tried,
            "result": finding.result,
            "advice": finding.advice,
        }
        for finding in findings
    ]
    return json.dumps(listed, indent=2)


def _lines(finding: Finding, width: int, *, verbose: bool, again: bool) -> Iterator[str]:
    of = f"{finding.check} {finding.subject}".rstrip()
    yield from _wrapped(f"{finding.level:<8} ", f"{of}: {finding.result}", width)
    if verbose or finding.level != "ok":
        if finding.tried:
            yield from _wrapped(f"{_INDENT}tried: ", finding.tried, width)
        first, *others = finding.advice.split("\n")
        if first and again:
            yield f"{_INDENT}do: as above"
        elif first:
            yield from _wrapped(f"{_INDENT}do: ", first, width)
            # They are for a file, as they are.
            yield from (f"{_INDENT}  {printable(line)}" for line in others)


def _wrapped(head: str, text: str, width: int) -> Iterator[str]:
    behind = " " * (len(_INDENT) + (2 if head.startswith(_INDENT) else 0))
    shown = own_line(printable(text.replace("\n", "; ")))
    yield from wrap(
        shown,
        width,
        initial_indent=head,
        subsequent_indent=behind,
        break_long_words=False,
        break_on_hyphens=False,
    )
