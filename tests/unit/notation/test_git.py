"""The identity of a git repository."""

from __future__ import annotations

import pytest

from router.notation.git import normalize_remote


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/org/repository",
        "https://github.com/org/repository.git",
        "https://github.com/org/repository.git/",
        "https://github.com:443/org/repository",
        "https://me:hunter2@GitHub.com/org/repository.git",
        "https://token@github.com//org/repository.git",
        "http://github.com/org/repository.git",
        "ssh://git@github.com/org/repository.git",
        "ssh://git@github.com:2222/org/repository.git",
        "git+ssh://git@github.com/org/repository.git",
        "git://github.com/org/repository.git",
        "git@github.com:org/repository.git",
        "git@github.com:/org/repository.git",
        "github.com:org/repository",
        "github.com/org/repository",
    ],
)
def test_all_urls_of_a_repository_have_one_identity(remote: str) -> None:
    assert normalize_remote(remote) == "github.com/org/repository"


@pytest.mark.parametrize(
    ("remote", "identity"),
    [
        ("https://example.com:8443/a.git", "example.com:8443/a"),
        ("http://localhost:3000/a/b/c.git", "localhost:3000/a/b/c"),
        ("git@[::1]:a.git", "[::1]/a"),
        ("ssh://git@[::1]:22/a.git", "[::1]/a"),
        ("/srv/git/a.git", "/srv/git/a"),
        ("file:///srv/git/a.git", "/srv/git/a"),
        ("../a.git", "../a"),
        ("https://example.com/Org/Repository", "example.com/Org/Repository"),
    ],
)
def test_other_remotes_keep_what_tells_them_apart(remote: str, identity: str) -> None:
    assert normalize_remote(remote) == identity
