"""A build as facts of its span."""

from __future__ import annotations

import pytest

from router.config import RouterConfig
from router.described import asked
from router.model.request import BuildRequest, CacheOption, Output
from tests.addressed import addressed


def test_of_what_may_be_secret_there_are_the_names_alone() -> None:
    request = BuildRequest(
        context="https://me:s3cret@example.com/x.tar?sig=s3cret",
        dockerfile="https://me:s3cret@example.com/Dockerfile?sig=s3cret",
        build_args={"TOKEN": "s3cret", "plain": "s3cret"},
        labels={"a": "s3cret"},
        build_contexts={"a": "https://s3cret@x"},
        outputs=(Output(type="image", attrs={"name": "s3cret"}),),
        cache_to=(CacheOption(type="s3", attrs={"secret_access_key": "s3cret"}),),
        frontend_options={"a": "s3cret"},
        secrets=(),
    )

    facts = asked(request, RouterConfig(addresses=addressed(("a", "tcp://127.0.0.1:1"))))

    assert "s3cret" not in repr(facts)
    assert facts["context"] == "https://example.com/x.tar"
    assert facts["warmroute.build_args"] == ("TOKEN", "plain")
    assert facts["warmroute.cache_to"] == ("s3",)


@pytest.mark.parametrize(
    ("context", "told"),
    [
        (".", "."),
        ("https://s3cret@example.com/a.git#main:sub", "https://example.com/a.git#main:sub"),
        ("git@example.com:a.git?x#main", "git@example.com:a.git"),
    ],
)
def test_a_context_is_told_without_credentials(context: str, told: str) -> None:
    assert asked(BuildRequest(context=context), RouterConfig())["context"] == told


def test_what_is_not_given_is_left_out() -> None:
    assert asked(BuildRequest(), RouterConfig()).keys() == {
        *("context", "warmroute.backend", "warmroute.placement", "warmroute.call", "warmroute.frontend")
    }
