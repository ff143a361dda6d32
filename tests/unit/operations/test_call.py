"""A request that asks the frontend instead of building."""

from __future__ import annotations

import pytest

from router.errors import UsageError
from router.model.request import BuildRequest, CacheOption, Output
from router.operations.call import question


def test_a_question_has_nothing_that_is_done_with_an_image() -> None:
    request = BuildRequest(
        call="check",
        tags=("a:1",),
        push=True,
        load=True,
        outputs=(Output(type="image"),),
        cache_to=(CacheOption(type="inline"),),
    )

    assert question(request) == BuildRequest(call="check", tags=("a:1",))


def test_llb_cannot_be_asked() -> None:
    with pytest.raises(UsageError, match="LLB has no frontend that could be asked for outline"):
        question(BuildRequest(call="outline", definition=b"", frontend=""))
