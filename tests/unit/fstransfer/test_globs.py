"""Go's filepath.Match and filepath.Clean."""

from __future__ import annotations

import pytest

from router.fstransfer.globs import GlobError, check_glob, parse_glob
from router.fstransfer.matching import Matcher
from router.fstransfer.pattern_text import clean, has_wildcard


@pytest.mark.parametrize(
    ("path", "shortest"),
    [
        ("", "."),
        ("./a/", "a"),
        ("a//b/./c", "a/b/c"),
        ("a/../../b", "../b"),
        ("/../a", "/a"),
        ("//a", "/a"),
        ("///", "/"),
        ("!./a", "!./a"),
    ],
)
def test_a_path_is_cleaned_as_go_does(path: str, shortest: str) -> None:
    assert clean(path) == shortest


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.go", ("a.go", ".go"), ("a.goo", "d/a.go")),
        ("a?c", ("abc", "aéc", "a\udcffc"), ("ac", "a/c")),
        ("[a-c]x", ("ax", "cx"), ("dx", "x")),
        ("[^a-c]x", ("dx", "éx"), ("ax",)),
        (r"\*", ("*",), ("a",)),
        (r"[\]a]", ("]", "a"), ("b",)),
        ("[é-ü]", ("ê",), ("e",)),
        ("[z-a]", (), ("z", "a", "m")),
        ("[^z-a]", ("z",), ()),
        ("a.b", ("a.b",), ("axb",)),
        ("a]b", ("a]b",), ()),
    ],
)
def test_a_glob_matches_what_go_matches(pattern: str, yes: tuple[str, ...], no: tuple[str, ...]) -> None:
    matcher = Matcher([[parse_glob(pattern)]])
    assert [name for name in (*yes, *no) if matcher.matches(name)] == list(yes)


@pytest.mark.parametrize("pattern", ["[", "[]", "[]a]", "[a", "[a-]", "[-a]", "a\\", "[a\\", "[^", "x[a-"])
def test_a_malformed_glob_is_refused(pattern: str) -> None:
    with pytest.raises(GlobError):
        parse_glob(pattern)
    with pytest.raises(GlobError):
        check_glob(pattern)


@pytest.mark.parametrize("pattern", ["a*[", "[^a]x*[", "a", "*", "**/[a]", r"\[*[]a]"])
def test_a_mistake_after_a_part_that_cannot_match_goes_unseen(pattern: str) -> None:
    check_glob(pattern)


@pytest.mark.parametrize("pattern", ["*[", ".*[", "?*[]", "[^a]*["])
def test_a_mistake_after_parts_that_match_is_seen(pattern: str) -> None:
    with pytest.raises(GlobError):
        check_glob(pattern)


@pytest.mark.parametrize(
    ("name", "wild"),
    [("a", False), ("a*", True), (r"a\*", False), (r"a\\*", True), ("[a]", True), ("\\", False)],
)
def test_a_wildcard_counts_unless_a_backslash_stands_before_it(name: str, wild: bool) -> None:
    assert has_wildcard(name) is wild
