"""What is walked and sent when the daemon names what it wants."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import UsageError
from router.fstransfer.beneath import Root
from router.fstransfer.sender import Filter, Sender
from router.fstransfer.walk import walk
from tests.unit.fstransfer.peer import fetch
from tests.unit.fstransfer.test_patterns import matches, pattern_texts
from tests.unit.unprivileged import NOBODY, folder_for_anybody, unprivileged

TREE = (
    "Dockerfile",
    "README.md",
    "a.b/é",
    "a/a/b",
    "a/b/a/b",
    "ab",
    "b/a.b/ab",
    "b/é",
    "docs/index.md",
    "node_modules/x/index.js",
    "src/a.go",
    "src/sub/b.go",
    "src/sub/c.py",
)


def make_tree(root: Path, names: Sequence[str] = TREE) -> bytes:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return os.fsencode(root)


def sent(root: bytes, chosen: Filter) -> list[str]:
    return [os.fsdecode(path) for path in fetch(Sender(root, filter=chosen)).paths]


def listed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note every directory whose entries are read."""
    seen: list[str] = []
    for name in ("scandir", "listdir"):
        real = getattr(os, name)

        def note(descriptor: int, real: object = real) -> object:
            seen.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
            assert callable(real)
            return real(descriptor)

        monkeypatch.setattr(os, name, note)
    return seen


def test_what_is_excluded_is_left_out_with_all_that_is_in_it(tmp_path: Path) -> None:
    got = sent(make_tree(tmp_path), Filter(exclude=("node_modules", "**/*.go", "a*", "b")))
    assert got == ["Dockerfile", "README.md", "docs", "docs/index.md", "src", "src/sub", "src/sub/c.py"]


def test_what_is_included_brings_the_directories_it_is_in(tmp_path: Path) -> None:
    got = sent(make_tree(tmp_path), Filter(include=("src/sub/*.go", "docs")))
    assert got == ["docs", "docs/index.md", "src", "src/sub", "src/sub/b.go"]


def test_what_is_taken_back_from_an_excluded_directory_brings_it_back(tmp_path: Path) -> None:
    got = sent(make_tree(tmp_path), Filter(exclude=("*", "!src/sub/c.py", "!README.md")))
    assert got == ["README.md", "src", "src/sub", "src/sub/c.py"]


def test_include_and_exclude_hold_together(tmp_path: Path) -> None:
    got = sent(make_tree(tmp_path), Filter(include=("src",), exclude=("**/sub",)))
    assert got == ["src", "src/a.go"]


def test_blank_include_patterns_include_nothing(tmp_path: Path) -> None:
    assert sent(make_tree(tmp_path), Filter(include=(" ",))) == []


def test_an_excluded_tree_is_not_walked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_tree(tmp_path)
    seen = listed(monkeypatch)
    sent(root, Filter(exclude=("node_modules", "a*", "b", "!docs/*")))
    assert sorted(seen) == sorted([tmp_path.name, "docs", "src", "sub"])


@pytest.mark.parametrize("pattern", ["src/sub/*.go", "src/s?b", "src/sub/c.py", "src/sub/**"])
def test_a_tree_that_no_include_pattern_reaches_is_not_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str
) -> None:
    root = make_tree(tmp_path)
    seen = listed(monkeypatch)
    assert "src/sub" in sent(root, Filter(include=(pattern,)))
    assert sorted(seen) == sorted([tmp_path.name, "src", "sub"])


@settings(deadline=None, max_examples=30)
@given(
    include=st.lists(pattern_texts, max_size=3),
    exclude=st.lists(pattern_texts, max_size=4),
)
def test_a_walk_selects_what_the_patterns_say_of_each_path(
    tmp_path_factory: pytest.TempPathFactory, include: list[str], exclude: list[str]
) -> None:
    root = make_tree(tmp_path_factory.getbasetemp() / "tree")
    everything = [os.fsdecode(entry[0]) for entry in walk(Root(root))]
    wanted = {
        path for path in everything if (not include or matches(include, path)) and not matches(exclude, path)
    }
    around = {path for path in everything if any(name.startswith(path + "/") for name in wanted)}
    got = sent(root, Filter(include=tuple(include), exclude=tuple(exclude)))
    assert got == [path for path in everything if path in wanted | around]


def test_names_that_are_no_utf8_are_matched_byte_by_byte(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    for name in (b"\xe9", b"\xe9\xe9", b"\xc3\xa9"):
        Path(os.fsdecode(root + b"/" + name)).touch()
    got = fetch(Sender(root, filter=Filter(include=("?",)))).paths
    assert got == [b"\xc3\xa9", b"\xe9"]


def test_a_malformed_pattern_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="malformed"):
        Sender(os.fsencode(tmp_path), filter=Filter(exclude=("[",)))


@pytest.mark.parametrize(
    "chosen",
    [
        Filter(),
        Filter(exclude=("src",)),
        Filter(exclude=("docs", "!docs/index.md")),
        Filter(exclude=("*", "!**/*.md")),
        Filter(include=("docs/index.md",)),
        Filter(include=("*/index.md",)),
        Filter(follow_paths=("docs/index.md",)),
        Filter(follow_paths=("docs/*",)),
    ],
)
@pytest.mark.parametrize("mode", [0, 0o311])
def test_a_directory_that_cannot_be_read_is_an_error_where_something_in_it_may_be_wanted(
    chosen: Filter, mode: int
) -> None:
    assert re.search(r"can't send .*/docs(/index.md)?\": permission denied$", sent_with_docs(mode, chosen))


@pytest.mark.parametrize(
    "chosen",
    [
        Filter(exclude=("docs",)),
        Filter(exclude=("docs/index.md", "docs")),
        Filter(exclude=("*", "!src/a.go")),
        Filter(exclude=("*.md", "!**/a.go", "docs")),
        Filter(include=("src/*.go",)),
        Filter(follow_paths=("src/a.go",)),
    ],
)
@pytest.mark.parametrize("mode", [0, 0o311])
def test_a_directory_that_cannot_be_read_may_be_left_out(chosen: Filter, mode: int) -> None:
    said = sent_with_docs(mode, chosen)
    assert "'src/a.go'" in said
    assert "docs" not in said


def sent_with_docs(mode: int, chosen: Filter) -> str:
    """Send a tree whose directory ``docs`` has these permissions; return what was sent, or the error."""
    with folder_for_anybody() as folder:
        root = make_tree(folder)
        (folder / "docs").chmod(mode)
        if os.geteuid() == 0:
            os.chown(folder / "docs", NOBODY, NOBODY)

        def send() -> str:
            try:
                return str(sent(root, chosen))
            except UsageError as exc:
                return str(exc)

        try:
            return unprivileged(send)
        finally:
            (folder / "docs").chmod(0o755)


def test_what_vanishes_before_it_is_described_is_left_out(tmp_path: Path) -> None:
    root = make_tree(tmp_path, ("a/b", "c/d", "e"))
    entries = walk(Root(root))
    assert next(entries)[0] == b"a"
    (tmp_path / "a/b").unlink()
    (tmp_path / "c/d").unlink()
    (tmp_path / "c").rmdir()
    assert [entry[0] for entry in entries] == [b"e"]


@pytest.mark.parametrize(
    ("links", "follow", "expected"),
    [
        ({}, ["src"], ["src", "src/a.go", "src/sub", "src/sub/b.go", "src/sub/c.py"]),
        ({"l": "docs"}, ["l"], ["docs", "docs/index.md", "l"]),
        ({"l": "/docs"}, ["l"], ["docs", "docs/index.md", "l"]),
        ({"l": "../../../docs"}, ["l"], ["docs", "docs/index.md", "l"]),
        ({"l": "m", "m": "n", "n": "ab"}, ["l"], ["ab", "l", "m", "n"]),
        ({"l": "src"}, ["l/sub/c.py"], ["l", "src", "src/sub", "src/sub/c.py"]),
        ({"src/l": "sub/c.py"}, ["src/l"], ["src", "src/l", "src/sub", "src/sub/c.py"]),
        ({"l1": "ab", "l2": "README.md"}, ["l*"], ["README.md", "ab", "l1", "l2"]),
        ({}, ["src/*.go"], ["src", "src/a.go"]),
        ({"l": "l"}, ["l"], ["l"]),
        ({"l": "l/x"}, ["l"], ["l"]),
        ({"l": "m", "m": "l"}, ["l"], ["l", "m"]),
        ({"l": "gone"}, ["l", "missing"], ["l"]),
        # Two paths through the same link: both are needed.
        (
            {"l": "src"},
            ["l/a.go", "l/sub"],
            ["l", "src", "src/a.go", "src/sub", "src/sub/b.go", "src/sub/c.py"],
        ),
        ({}, ["../etc"], []),
        ({}, ["Dockerfile/x"], []),
        ({}, ["a\0b"], []),
        ({}, ["[", "ab"], None),
    ],
)
def test_links_on_the_way_to_a_path_come_along(
    tmp_path: Path, links: dict[str, str], follow: list[str], expected: list[str] | None
) -> None:
    root = make_tree(tmp_path)
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    if expected is None:
        with pytest.raises(UsageError, match="malformed"):
            sent(root, Filter(follow_paths=tuple(follow)))
    else:
        assert sent(root, Filter(follow_paths=tuple(follow))) == expected


def test_to_follow_the_root_leaves_nothing_out(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    assert len(sent(root, Filter(follow_paths=("docs", ".")))) == len(list(walk(Root(root))))


def test_nothing_outside_of_the_root_is_looked_at(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "inside")
    (tmp_path / "outside").write_text("secret")
    (tmp_path / "inside/l").symlink_to("../outside")
    (tmp_path / "inside/k").symlink_to(tmp_path / "outside")
    assert sent(root, Filter(follow_paths=("l", "k", "../outside"))) == ["k", "l"]


def test_include_patterns_and_followed_paths_add_up(tmp_path: Path) -> None:
    root = make_tree(tmp_path)
    assert sent(root, Filter(include=("ab",), follow_paths=("docs",))) == ["ab", "docs", "docs/index.md"]
