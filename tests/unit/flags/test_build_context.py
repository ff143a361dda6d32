"""``--build-context``."""

from __future__ import annotations

import pytest

from router.flags.build_context import context_kind, format_build_contexts, parse_build_contexts
from tests.unit.specs.refused import refused


def test_contexts_have_the_short_names_of_images() -> None:
    contexts = parse_build_contexts(
        ["base=docker-image://alpine:3", "", "docker.io/library/alpine:latest=../a", "team/app:1=b=c"]
    )

    assert contexts == {"base": "docker-image://alpine:3", "alpine": "../a", "team/app:1": "b=c"}
    assert parse_build_contexts(format_build_contexts(contexts)) == contexts


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("base", "it is not of the form NAME=VALUE"),
        ("base=", "the value after the equals sign is missing"),
        ("Base=.", "the repository's name Base must be in lower case"),
        ("base=target:other", "target: names another target of a bake file, and this is a single build"),
        ("base=docker-image://", "the repository's name is missing"),
        ("base=docker-image://Alpine", "the repository's name Alpine must be in lower case"),
        ("base=oci-layout://", "the directory's path is missing"),
        ("base::amd64=.", "what follows :: is not a platform such as linux/arm64"),
        ("base::=.", "what follows :: is not a platform such as linux/arm64"),
        ("base::linux/a b=.", "a platform is os/arch or os/arch/variant"),
    ],
)
def test_a_wrong_context_is_refused(text: str, why: str) -> None:
    error = refused(lambda: parse_build_contexts([text]))

    assert str(error).startswith("invalid --build-context")
    assert str(error).endswith(why)


def test_credentials_are_not_repeated() -> None:
    error = refused(lambda: parse_build_contexts(["https://me:hunter2@example.com/a.git"]))

    assert "hunter2" not in str(error)


def test_a_context_may_be_of_one_platform_only() -> None:
    contexts = parse_build_contexts(["alpine:latest::linux/aarch64=./arm", "alpine=./others"])

    assert contexts == {"alpine::linux/arm64": "./arm", "alpine": "./others"}
    assert parse_build_contexts(format_build_contexts(contexts)) == contexts


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("../a", "directory"),
        ("github", "directory"),
        ("docker-image://scratch", "image"),
        ("oci-layout://a:b", "oci-layout"),
        ("https://example.com/a.git#main:b", "git"),
        ("git@example.com:a/b.git", "git"),
        ("https://example.com/a.tar", "http"),
    ],
)
def test_a_value_names_one_kind_of_context(value: str, kind: str) -> None:
    assert context_kind(value) == kind
