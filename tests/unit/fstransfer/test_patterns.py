"""Patterns mean what BuildKit makes of them; each decision here was also taken by moby/patternmatcher."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import UsageError
from router.fstransfer.patterns import PatternMatcher


def matches(patterns: Sequence[str], path: str) -> bool:
    """Decide as a walk does: each directory hands on what it has matched."""
    matcher = PatternMatcher(patterns)
    bits = 0
    parts = path.split("/")
    for depth in range(1, len(parts)):
        bits = matcher.match("/".join(parts[:depth]), bits)[1]
    matched, _ = matcher.match(path, bits)
    assert matcher.tester(bits)(path) is matched
    return matched


@pytest.mark.parametrize(
    ("patterns", "yes", "no"),
    [
        (["a"], ["a", "a/b", "a/b/c"], ["b", "b/a", "aa"]),
        (["a/"], ["a", "a/b"], ["b/a"]),
        (["/a"], [], ["a"]),
        (["./a/../b"], ["b"], ["a"]),
        (["  a  ", ""], ["a"], ["b"]),
        (["*"], ["a", "a/b"], []),
        (["*.py"], ["a.py", "a.py/x", ".py"], ["d/a.py", "a.pyc"]),
        (["a/*"], ["a/b", "a/b/c"], ["a", "b/a"]),
        (["**"], ["a", "a/b"], []),
        (["**/*.py"], ["a.py", "d/a.py", "d/e/a.py"], ["a.pyc"]),
        (["**/a"], ["a", "b/a", "b/c/a/d"], ["ba", "b/ca"]),
        (["**a"], ["a", "ba", "b/ca"], ["ab"]),
        (["a/**"], ["a/b", "a/b/c"], ["a", "ab"]),
        (["a**"], ["a", "ab", "a/b"], ["b"]),
        (["a/**/b"], ["a/b", "a/x/b", "a/x/y/b"], ["a", "a/bb", "ab"]),
        (["**/a/**"], ["a/b", "x/a/b"], ["a", "x/a"]),
        (["a?c"], ["abc", "aéc", "a\udce9c"], ["a/c", "ac", "abbc"]),
        (["[a-c]"], ["a", "c"], ["d", "ab"]),
        (["[^a-c]"], ["d", "é"], ["a", "dd"]),
        ([r"\*"], ["*"], ["a"]),
        (["a.b"], ["a.b"], ["axb"]),
        (["a.*"], ["a.b"], ["axb"]),
        (["a+*"], ["a+b"], ["aab"]),
        (["a$*", "(b)*"], ["a$b", "(b)"], ["a", "b"]),
        (["é"], ["é"], ["e"]),
        (["日*"], ["日本"], ["本"]),
        (["#a"], ["#a"], ["a"]),
    ],
)
def test_one_pattern_after_the_other(patterns: list[str], yes: list[str], no: list[str]) -> None:
    assert [path for path in (*yes, *no) if matches(patterns, path)] == yes


@pytest.mark.parametrize(
    ("patterns", "yes", "no"),
    [
        (["*", "!a"], ["b", "b/a"], ["a", "a/b"]),
        (["!a", "*"], ["a", "b"], []),
        (["a", "!a/b"], ["a", "a/c"], ["a/b", "a/b/c"]),
        (["a", "!a/b", "a/b/c"], ["a/b/c", "a/b/c/d"], ["a/b", "a/b/d"]),
        (["**", "!**/*.md"], ["a", "a/b"], ["a.md", "a/b.md"]),
        (["*.md", "!README*.md", "README-secret.md"], ["x.md", "README-secret.md"], ["README-all.md"]),
        (["a", "!**/keep"], ["a", "a/b"], ["a/keep", "a/b/keep", "a/keep/c"]),
        (["docs/*", "!docs/*/index"], ["docs/a", "docs/a/b"], ["docs", "docs/a/index"]),
        (["a", "!a"], [], ["a", "a/b"]),
        (["!a"], [], ["a", "b"]),
    ],
)
def test_a_later_pattern_takes_back_what_an_earlier_one_matched(
    patterns: list[str], yes: list[str], no: list[str]
) -> None:
    assert [path for path in (*yes, *no) if matches(patterns, path)] == yes


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        # Go's expressions shine through where the pattern has a wildcard somewhere.
        ("x|y*", ["x", "xx", "xx/y", "zy", "y"], ["z", "z/x"]),
        ("a{2}*", ["aa", "aab"], ["a", "a{2}"]),
        ("a{,2}*", ["a{,2}b"], ["aa"]),
        ("^a*", ["a", "ab"], ["^a"]),
        ("a^*", [], ["a^", "a"]),
        ("[*]", ["[]", "]", "^]"], ["*", "a"]),
        (r"\d*", ["1", "12a"], ["d", r"\d"]),
        ("[[:digit:]]?", ["1a"], ["aa", ":]"]),
        (r"x*[\d-]", ["x1", "x-"], ["xd"]),
        (r"\.a", [".a"], ["xa"]),
        ("x*[a-]", ["xa", "x-"], ["xb"]),
        ("caf\ufffd*", ["caf\udce9", "caf\ufffdx"], ["café"]),
        # And don't where it has none.
        ("a|b", ["a|b"], ["a", "b"]),
        ("a{2}", ["a{2}"], ["aa"]),
        ("^a", ["^a"], ["a"]),
        ("**/a.b", ["x/a.b"], ["x/axb"]),
    ],
)
def test_the_quirks_are_those_of_the_daemon(pattern: str, yes: list[str], no: list[str]) -> None:
    matcher = PatternMatcher(["zzz/*", pattern])
    test = matcher.tester(0)
    assert [path for path in (*yes, *no) if matcher.match(path, 0)[0]] == yes
    assert [path for path in (*yes, *no) if test(path)] == yes


def test_an_exclamation_mark_alone_is_refused() -> None:
    with pytest.raises(UsageError, match="'!' names nothing to except"):
        PatternMatcher(["!"])


@pytest.mark.parametrize("pattern", ["[", "a[", "a\\", "![x"])
def test_a_malformed_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(UsageError, match="malformed"):
        PatternMatcher([pattern])


@pytest.mark.parametrize(
    "pattern", [r"\é", r"\y*", "[z-a]", "*{2}", "[[:nope:]]", "a{3,2}*", "|{2}*", "x*/[", r"\1*"]
)
def test_what_go_cannot_compile_is_refused_once_a_path_gets_there(pattern: str) -> None:
    matcher = PatternMatcher(["first", pattern])
    assert matcher.tester(0)("first")
    with pytest.raises(UsageError, match="malformed"):
        matcher.tester(0)("second")


paths = st.lists(st.sampled_from(["a", "b", "ab", "a.b", "é"]), min_size=1, max_size=4).map("/".join)
fragments = st.sampled_from(["a", "b", "*", "**", "?", "[a-b]", "[^a]", ".", "é", "*b", "ab"])
pattern_texts = st.builds(
    lambda mark, parts: mark + "/".join(parts),
    st.sampled_from(["", "", "!"]),
    st.lists(fragments, min_size=1, max_size=3),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(pattern_texts, min_size=1, max_size=5), paths)
def test_the_quick_way_decides_as_the_slow_one(patterns: list[str], path: str) -> None:
    matches(patterns, path)


@settings(deadline=None, max_examples=150)
@given(st.lists(pattern_texts, min_size=1, max_size=5), paths, paths)
def test_what_is_settled_for_a_directory_holds_for_all_in_it(
    patterns: list[str], directory: str, below: str
) -> None:
    matcher = PatternMatcher(patterns)
    bits = 0
    parts = directory.split("/")
    for depth in range(1, len(parts) + 1):
        matched, bits = matcher.match("/".join(parts[:depth]), bits)
    settled = matcher.settled(directory + "/", bits)
    if settled is not None:
        assert matched is settled
        assert matches(patterns, f"{directory}/{below}") is settled


@pytest.mark.parametrize(
    ("patterns", "directory", "settled"),
    [
        (["node_modules"], "node_modules/", True),
        (["node_modules"], "src/", False),
        (["src/a*"], "src/", None),
        (["src/a*"], "doc/", False),
        (["*", "!src"], "src/", False),
        (["*", "!src"], "doc/", True),
        (["*", "!doc/*.md"], "doc/", None),
        (["**/*.pyc"], "src/", None),
    ],
)
def test_a_directory_is_settled_as_soon_as_no_pattern_can_change_it(
    patterns: list[str], directory: str, settled: bool | None
) -> None:
    matcher = PatternMatcher(patterns)
    assert matcher.settled(directory, matcher.match(directory[:-1], 0)[1]) is settled
