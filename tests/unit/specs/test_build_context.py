"""``--build-context``."""

from __future__ import annotations

import pytest

from router.specs.build_context import format_build_contexts, parse_build_contexts
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
    ],
)
def test_a_wrong_context_is_refused(text: str, why: str) -> None:
    error = refused(lambda: parse_build_contexts([text]))

    assert str(error).startswith("invalid --build-context")
    assert str(error).endswith(why)


def test_credentials_are_not_repeated() -> None:
    error = refused(lambda: parse_build_contexts(["https://me:hunter2@example.com/a.git"]))

    assert "hunter2" not in str(error)
