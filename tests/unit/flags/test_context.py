"""What a build context is."""

from __future__ import annotations

import pytest

from router.flags.context import (
    BuildContext,
    DirectoryContext,
    GitContext,
    HTTPContext,
    StdinContext,
    format_context,
    parse_context,
)
from tests.unit.specs.refused import refused

_HTTPS = "https://github.com/org/repository.git"
_SCP = "git@github.com:org/repository"


def _git(url: str, remote: str, *, ref: str = "", subdir: str = "") -> GitContext:
    return GitContext(url=url, remote=remote, ref=ref, subdir=subdir)


@pytest.mark.parametrize(
    "context",
    [
        DirectoryContext(path="."),
        DirectoryContext(path="/srv/app"),
        DirectoryContext(path="./github.com/org/repository"),
        DirectoryContext(path="host:directory"),
        DirectoryContext(path="ftp://example.com/context.tar"),
        StdinContext(),
        HTTPContext(url="https://example.com/context.tar.gz"),
        HTTPContext(url="http://example.com/Dockerfile?a=b"),
        HTTPContext(url="https://github.com/org/repository"),
        HTTPContext(url="https://github.com/org/repository#main"),
        _git(_HTTPS, _HTTPS),
        _git(f"{_HTTPS}#main", _HTTPS, ref="main"),
        _git(f"{_HTTPS}#main:a/b", _HTTPS, ref="main", subdir="a/b"),
        _git(f"{_HTTPS}#:a/b", _HTTPS, subdir="a/b"),
        _git(f"{_HTTPS}#main:/a/../b/", _HTTPS, ref="main", subdir="b"),
        _git(f"{_HTTPS}?ref=main&subdir=a", _HTTPS, ref="main", subdir="a"),
        _git(f"{_HTTPS}?tag=v1", _HTTPS, ref="refs/tags/v1"),
        _git(f"{_HTTPS}?branch=main#:a", _HTTPS, ref="refs/heads/main", subdir="a"),
        _git(f"{_HTTPS}?ref=main&keep-git-dir#main", _HTTPS, ref="main"),
        _git(f"{_SCP}#v1:a", _SCP, ref="v1", subdir="a"),
        _git(f"{_SCP}?subdir=a", _SCP, subdir="a"),
        _git("github.com/org/repository#v1", "github.com/org/repository", ref="v1"),
        _git("git://example.com/repository", "git://example.com/repository"),
        _git("ssh://git@example.com:2222/a", "ssh://git@example.com:2222/a"),
    ],
)
def test_a_context_is_what_buildkit_takes_it_for(context: BuildContext) -> None:
    assert parse_context(format_context(context)) == context


def test_a_query_that_contradicts_the_fragment_is_refused_without_credentials() -> None:
    error = refused(lambda: parse_context("https://me:hunter2@example.com/a.git?ref=v1#v2"))

    assert str(error) == (
        'invalid context "https://example.com/a.git?ref=v1#v2": '
        'the ref "v2" of the fragment contradicts the ref "v1" of the query'
    )


def test_an_empty_context_is_refused() -> None:
    assert str(refused(lambda: parse_context(""))) == 'invalid context "": it is empty'
