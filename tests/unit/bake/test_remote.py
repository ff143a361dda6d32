"""Paths in the repository that a definition comes from."""

from __future__ import annotations

import pytest

from router.bake.remote import within_remote
from tests.unit.bake.definitions import OUTSIDE, printed

_REPO = "https://example.com/org/repo.git"


@pytest.mark.parametrize(
    ("url", "path", "found"),
    [
        (_REPO, ".", _REPO),
        (_REPO, "app", f"{_REPO}#:app"),
        (_REPO, "./app/../lib/", f"{_REPO}#:lib"),
        (f"{_REPO}#main", "app", f"{_REPO}#main:app"),
        (f"{_REPO}#main:sub", "app", f"{_REPO}#main:sub/app"),
        (f"{_REPO}#main:sub", "../app", f"{_REPO}#main:app"),
        (f"{_REPO}?branch=main", "app", f"{_REPO}?branch=main#:app"),
        (f"{_REPO}?branch=main&subdir=sub", "app", f"{_REPO}?branch=main&subdir=sub/app"),
        (f"{_REPO}?subdir=sub&branch=main", "app", f"{_REPO}?subdir=sub/app&branch=main"),
        ("git@example.com:org/repo.git", "app", "git@example.com:org/repo.git#:app"),
    ],
)
def test_a_path_becomes_the_subdirectory_of_the_url(url: str, path: str, found: str) -> None:
    assert within_remote(url, path) == found


def test_contexts_are_in_the_repository_unless_they_say_otherwise() -> None:
    text = """
    target "a" {}
    target "b" { context = "app" }
    target "c" { context = "cwd://app" }
    target "d" { context = "https://example.com/other.git" }
    """
    seen = type(OUTSIDE)(
        environment={},
        variables={},
        builtin=OUTSIDE.builtin,
        now=OUTSIDE.now,
        home=OUTSIDE.home,
        remote=f"{_REPO}#v1",
    )

    found = printed(text, "*", seen=seen)

    assert {name: each["context"] for name, each in found.items()} == {
        "a": f"{_REPO}#v1",
        "b": f"{_REPO}#v1:app",
        "c": "app",
        "d": "https://example.com/other.git",
    }
