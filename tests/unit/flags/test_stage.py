"""``--target`` and ``--no-cache-filter``."""

from __future__ import annotations

import pytest

from router.flags.stage import parse_stages, parse_target
from tests.unit.specs.refused import refused


@pytest.mark.parametrize("text", ["release", "0", "a.b", "//image:all"])
def test_a_stage_is_the_frontend_s_to_know(text: str) -> None:
    assert parse_target(text) == text


def test_stages_are_comma_lists() -> None:
    assert parse_stages(["a,b,", "c"]) == ("a", "b", "c")


@pytest.mark.parametrize("text", [".", "..", "./app", "/src", "~/src"])
def test_the_context_is_no_stage(text: str) -> None:
    target = refused(lambda: parse_target(text))
    stages = refused(lambda: parse_stages(["a", text]))

    assert str(target) == f'invalid --target "{text}": its value is a path, not a stage'
    assert str(stages) == f'invalid --no-cache-filter "{text}": its value is a path, not a stage'
