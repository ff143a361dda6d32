"""Thousands of patterns and paths, decided by Go's own matchers and by ours."""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Sequence

import pytest

from router.errors import UsageError
from router.fstransfer.globs import GlobError, parse_glob
from router.fstransfer.matching import Matcher
from router.fstransfer.patterns import PatternMatcher
from tests.servers import binaries

QUESTIONS = 15_000

USUAL = ("a", "b", "ab", "*", "*", "*", "**", "**/", "/", "/", "?", "[ab]", ".", "*.a")
ODD = (
    *("[^a]", "[a-b]", "[^/]", "[", "]", "-", "{2}", "{0,1}", "{1,}", "|", "^", "$", "+", "(", ")", " ", "!"),
    *("é", "[^é]", "[é-ü]", "\udcff", "\ufffd", "[\ufff0-\uffff]", "[\ud000-\ue010]", "\n", "\\", "\\*"),
    *("\\a", "\\d", "\\b", "\\B", "\\.", "[[:alpha:]]"),
)
NAMES = ("a", "b", "ab", "aa", "a", "b")
ODD_NAMES = (
    "é",
    "\udcff",
    "\ufffd",
    "\n",
    ".a",
    "-",
    "1",
    "a.b",
    " ",
    "|",
    "a{2}",
    "*",
    "\\",
    "d",
    "^",
    "[",
    "]",
)

Question = tuple[tuple[str, ...], str]


def questions(seed: int, fragments: Sequence[str], names: Sequence[str]) -> list[Question]:
    """Make up lists of patterns, and a path for each."""
    chance = random.Random(seed)

    def pattern() -> str:
        text = "".join(chance.choices(fragments, k=chance.choice((1, 2, 3, 5, 7, 9))))
        return ("!" if chance.random() < 0.15 else "") + text

    def name() -> str:
        return "".join(chance.choices(names, k=chance.choice((1, 1, 2, 3))))

    return [
        (
            tuple(pattern() for _ in range(chance.choice((1, 1, 2, 3)))),
            "/".join(name() for _ in range(chance.choice((1, 1, 2, 3, 5)))),
        )
        for _ in range(QUESTIONS)
    ]


def of_go(asked: Sequence[Question]) -> list[dict[str, str]]:
    """Return Go's answers, empty ones for patterns that it refuses."""
    lines = (
        json.dumps({"patterns": [_encoded(pattern) for pattern in patterns], "path": _encoded(path)})
        for patterns, path in asked
    )
    done = subprocess.run(
        [binaries.gomatch()],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()


def matched(patterns: Sequence[str], path: str) -> str:
    """Decide as a walk does: each directory hands on what it has matched."""
    try:
        matcher = PatternMatcher(patterns)
        bits = 0
        for depth in range(path.count("/")):
            bits = matcher.match("/".join(path.split("/")[: depth + 1]), bits)[1]
        answer, _ = matcher.match(path, bits)
        assert matcher.tester(bits)(path) is answer
    except UsageError:
        return ""
    return "yes" if answer else "no"


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    ("fragments", "names"), [(USUAL, NAMES), (USUAL * 2 + ODD, NAMES * 3 + ODD_NAMES)], ids=["usual", "odd"]
)
def test_a_list_of_patterns_matches_what_it_does_in_go(
    seed: int, fragments: Sequence[str], names: Sequence[str]
) -> None:
    asked = questions(seed, fragments, names)
    answers = [answer["matched"] for answer in of_go(asked)]
    assert {"yes", "no"} <= set(answers)
    wrong = [
        (patterns, path, answer)
        for (patterns, path), answer in zip(asked, answers, strict=True)
        if matched(patterns, path) != answer
    ]
    assert wrong == []


def test_a_glob_matches_the_names_that_it_does_in_go() -> None:
    # Go's skips bytes, so that a bracket can begin within a letter; and a name has no slash.
    fragments = [text for text in USUAL * 2 + ODD if text.isascii() and "/" not in text]
    asked = [
        (patterns, path.replace("/", "")) for patterns, path in questions(3, fragments, NAMES * 3 + ODD_NAMES)
    ]
    wrong = []
    for ((pattern, *_), name), answer in zip(asked, of_go(asked), strict=True):
        try:
            said = "yes" if Matcher([[parse_glob(pattern)]]).matches(name) else "no"
        except GlobError:
            said = ""
        # Go looks for mistakes only as far as it matches; a name that doesn't is none of either's.
        if said != answer["glob"] and (said or answer["glob"] == "yes"):
            wrong.append((pattern, name, answer["glob"]))
    assert wrong == []
