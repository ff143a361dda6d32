"""What a definition's repository is cloned with."""

from __future__ import annotations

import pytest

from router.baking.git_secrets import git_host, git_secrets


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.com/org/repo.git#main", "example.com"),
        ("https://user@example.com:8443/org/repo.git", "example.com:8443"),
        ("git@example.com:org/repo.git", ""),
        ("github.com/org/repo", "github.com"),
        ("https://example.com/archive.tar", ""),
        ("app", ""),
        ("", ""),
    ],
)
def test_the_host_of_a_repository(url: str, host: str) -> None:
    assert git_host(url) == host


def test_a_token_and_a_header_are_secrets_of_their_host() -> None:
    environment = {"BUILDX_BAKE_GIT_AUTH_TOKEN": "t", "BUILDX_BAKE_GIT_AUTH_HEADER": ""}

    assert list(git_secrets("example.com", environment)) == [
        "id=GIT_AUTH_TOKEN.example.com,env=BUILDX_BAKE_GIT_AUTH_TOKEN"
    ]
