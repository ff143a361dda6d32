"""A question to the frontend, as its options say it."""

from __future__ import annotations

import pytest

from router.solve.gateway import question_attrs


@pytest.mark.parametrize(
    ("method", "request_id"),
    [("check", "frontend.lint"), ("outline", "frontend.outline"), ("a.b", "frontend.a.b")],
)
def test_a_method_has_the_frontends_name(method: str, request_id: str) -> None:
    attrs = question_attrs({"target": "app"}, method)

    assert attrs == {
        "target": "app",
        "requestid": request_id,
        "frontend.caps": "moby.buildkit.frontend.subrequests+forward",
    }


def test_what_else_the_frontend_must_be_able_to_do_is_kept() -> None:
    attrs = question_attrs({"frontend.caps": "moby.buildkit.frontend.contexts"}, "check")

    assert attrs["frontend.caps"] == (
        "moby.buildkit.frontend.contexts,moby.buildkit.frontend.subrequests+forward"
    )
