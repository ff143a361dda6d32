"""The pages of this repository as scripts: the commands that they show, and what those are said to print."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

# What differs from run to run: times, sizes, digests, ports, a step's number, and how wide columns are.
_VARIES = (
    (re.compile(r"sha256:[0-9a-f]+(?:\.\.\.)?"), "sha256:DIGEST"),
    (re.compile(r"\b127\.0\.0\.1:\d+"), "127.0.0.1:PORT"),
    (re.compile(r"\d+(?:\.\d+)? ?(?:m?s|[kM]?B)\b"), "AMOUNT"),
    (re.compile(r"^#[1-9]\d* ", re.MULTILINE), "#STEP "),
    (re.compile(r"waited AMOUNT, "), ""),  # said from a second on, as a slow machine takes to list pods
    (re.compile(r"[ \t]+"), " "),
)


def blocks(page: str, language: str) -> list[str]:
    """Return a page's code blocks in one language (``""`` is that of blocks without one)."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    found = re.findall(r"^( *)```(\w*)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE)
    return [
        re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)
        for indent, name, body in found
        if name == language
    ]


def sessions(page: str) -> list[tuple[str, str]]:
    """Return the commands of a page's ``console`` blocks, each with the output that is shown below it."""
    found: list[tuple[str, str]] = []
    for block in blocks(page, "console"):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command = re.match(r"(?:.*\\\n)*.*\n", part)
            assert command is not None
            found.append((command[0], part[command.end() :]))
    return found


def assert_shown(shown: str, printed: str) -> None:
    """Hold what a page shows against what was printed: its lines in their order, others may be between
    them where the page has ``...``."""
    lines = iter(_alike(printed))
    loose = True
    for wanted in _alike(shown):
        if wanted == "...":
            loose = True
            continue
        line = next((line for line in lines if line == wanted or not loose), None)
        assert line == wanted, f"the page shows {wanted!r}, not what was printed:\n{printed}"
        loose = False


def _alike(text: str) -> list[str]:
    for pattern, instead in _VARIES:
        text = pattern.sub(instead, text)
    return [line.strip() for line in text.splitlines() if line.strip()]
