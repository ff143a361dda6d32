"""However a pattern is written, matching takes time that grows with the input, and no more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import UsageError
from router.fstransfer.automaton import Automaton
from router.fstransfer.beneath import Root
from router.fstransfer.followlinks import follow_links
from router.fstransfer.globs import parse_glob
from router.fstransfer.goregexp import parse
from router.fstransfer.matching import Matcher
from router.fstransfer.patterns import PatternMatcher
from tests.processor import processor_seconds

_SIZE = 60_000
_SECONDS = 0.5

_HAN = [chr(0x4E00 + number) for number in range(_SIZE)]

PATTERNS = {
    "stars that share a name": "*a" * 30 + "b",
    "stars in a pattern as long as may be": "*a" * (_SIZE // 2) + "b",
    "any directories": "**/a/" * 60 + "b",
    "any directories and stars": "**/*a*a/" * 60 + "b",
    "any directories within names": "a**" * (_SIZE // 3) + "b",
    "brackets that match slashes": "[^b]*" * 50 + "b",
    "question marks": "?" * _SIZE,
    "brackets": "[ab]" * (_SIZE // 4),
    "different brackets": "".join(
        f"[{low}-{high}]" for low, high in zip(_HAN, _HAN[5 : _SIZE // 9], strict=False)
    ),
    "different letters": "*" + "".join(_HAN[: _SIZE // 3]),
    "repetitions": "a{1000}" * (_SIZE // 7) + "*",
    "repetitions that may be left out": "*a{0,1000}" * 100 + "b",
    "alternatives": "*a|" * (_SIZE // 3),
    "word boundaries": r"\b*" * (_SIZE // 3) + "b",
    "unfinished names of sets": "[[:" * (_SIZE // 3) + "a]",
    "unfinished brackets": "[" * _SIZE,
    "lines": "?a\n" * (_SIZE // 3),
    "different lines": "".join(f"*{number:x}*a\n" for number in range(_SIZE // 8)),
    "lines that take back": "".join(f"*{number:x}\n!*{number:x}a\n" for number in range(_SIZE // 14)),
    "lines of many stars": "a*a*a*a*a*a*a*a*b\n" * (_SIZE // 18),
}
PATHS = {
    "one letter": "a" * 4000,
    "a name": "a" * 200,
    "directories": "a/" * 2000 + "a",
    "line ends": "a\n" * 2000,
    "letters": "".join(_HAN[:1365]),
}


def seconds(action: Callable[[], object]) -> float:
    return processor_seconds(action, enough=_SECONDS)


def decide(text: str, path: str) -> str:
    """Ask all that is asked about a path during a walk; return the answer, or the error."""
    try:
        matcher = PatternMatcher(text.split("\n"))
        matched, bits = matcher.match(path, 0)
        assert matcher.tester(0)(path) is matched
        return str((matched, matcher.settled(f"{path}/", bits)))
    except UsageError as exc:
        return str(exc)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("text", PATTERNS.values(), ids=PATTERNS)
def test_any_pattern_is_decided_in_time(text: str, path: str) -> None:
    assert seconds(lambda: decide(text, path)) < _SECONDS


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("text", ["*a" * 100 + "b", "*[ab]?" * 100 + "b", "*a" * (_SIZE // 2) + "b"])
def test_any_glob_is_decided_in_time(text: str, path: str) -> None:
    assert seconds(lambda: Matcher([[parse_glob(text)]]).matches(path)) < _SECONDS


def test_more_than_anybody_writes_is_refused() -> None:
    brackets = "".join(f"[{low}-{high}]" for low, high in zip(_HAN, _HAN[5:1000], strict=False))
    with pytest.raises(UsageError, match="too many different brackets"):
        PatternMatcher([f"a|{brackets}*"]).match("a", 0)
    with pytest.raises(UsageError, match="malformed"):
        PatternMatcher(["a{1000}" * 200 + "*"]).match("a", 0)


pieces = st.sampled_from(
    [
        "a",
        "b",
        "[^/]*",
        "[^/]*",
        "(.*/)?",
        "/(.*/)?",
        "/",
        "[^/]",
        "[ab]",
        "[^a]",
        "a{0,2}",
        r"\b",
        "|",
        "^",
        "é",
    ]
)


@settings(deadline=None, max_examples=300)
@given(
    st.lists(pieces, min_size=1, max_size=8).map("".join),
    st.text(st.sampled_from("ab/.é\n\udcff"), min_size=1, max_size=12),
)
def test_the_expression_decides_as_the_automaton(pattern: str, path: str) -> None:
    alternatives = parse(f"^{pattern}$")
    assert Matcher([alternatives]).matches(path) is Automaton([alternatives]).matches(path)


def test_links_that_lead_to_each_other_end_in_an_error(tmp_path: Path) -> None:
    for name in "abcd":
        (tmp_path / name).symlink_to(f"*/{name}")
    root = Root(str(tmp_path).encode())

    def follow() -> None:
        with pytest.raises(UsageError, match="too many links on the way to"):
            follow_links(root, ["*/x"])

    assert seconds(follow) < _SECONDS
    root.close()


@pytest.mark.parametrize("path", ["a/" * (_SIZE // 2), "*/" * (_SIZE // 2), "l/" * (_SIZE // 2)])
def test_a_path_as_long_as_may_be_is_followed_in_time(tmp_path: Path, path: str) -> None:
    (tmp_path / "l").symlink_to(".")
    root = Root(str(tmp_path).encode())
    assert seconds(lambda: follow_links(root, [path])) < _SECONDS
    root.close()


def test_many_paths_through_one_link_are_followed(tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to("releases/5")
    root = Root(str(tmp_path).encode())
    paths = [f"current/{number}" for number in range(5000)]
    assert follow_links(root, paths) == ("current", *sorted(f"releases/5/{number}" for number in range(5000)))
    root.close()
