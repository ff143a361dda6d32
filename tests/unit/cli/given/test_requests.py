"""How options and skaffold's environment become one request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import pytest

from cli.build_options import ImageOptions, ResultOptions
from cli.given.requests import asked_by_skaffold, build_request, skaffold_routing, unread
from cli.options import FleetOptions, RoutingOptions
from router.errors import UsageError
from router.flags.skaffold import SkaffoldBuild

PUSH = SkaffoldBuild(image="a.test/app:1", push=True, context="/work")
LOAD = SkaffoldBuild(image="a.test/app:1", push=False, context="/work")


class Given(NamedTuple):
    """What the options say to build, and what becomes of it."""

    image: ImageOptions = ImageOptions()
    result: ResultOptions = ResultOptions()


def test_skaffold_fills_in_what_was_not_given() -> None:
    prepared = build_request(ImageOptions(), PUSH)

    request = prepared.request
    assert (request.tags, request.context) == (("a.test/app:1",), "/work")
    assert (request.push, request.load) == (True, False)
    assert prepared.warnings == ()
    assert unread(ImageOptions(), PUSH).by_skaffold


def test_without_a_push_skaffold_wants_the_image_loaded() -> None:
    request = build_request(ImageOptions(), LOAD).request

    assert (request.push, request.load) == (False, True)


def test_an_image_alone_asks_for_neither() -> None:
    request = build_request(ImageOptions(), replace(PUSH, push=None)).request

    assert (request.push, request.load) == (False, False)


@pytest.mark.parametrize(
    ("given", "asked", "warning"),
    [
        (Given(ImageOptions(tags=["b:2"])), PUSH, "skaffold asks for a.test/app:1, but --tag says b:2"),
        (Given(result=ResultOptions(push=False)), PUSH, "skaffold asks for a push"),
        (Given(result=ResultOptions(load=True)), PUSH, "skaffold asks for a push"),
        (Given(result=ResultOptions(push=True)), LOAD, "skaffold asks for no push"),
        (
            Given(ImageOptions(platforms=["linux/arm64"])),
            replace(PUSH, platforms=("linux/amd64",)),
            "skaffold asks for linux/amd64, but --platform says linux/arm64",
        ),
    ],
)
def test_a_contradiction_is_said_and_the_option_wins(
    given: Given, asked: SkaffoldBuild, warning: str
) -> None:
    prepared = build_request(given.image, asked, given.result)

    request = prepared.request
    assert [text for text in prepared.warnings if text.startswith(warning)]
    assert request.tags == tuple(given.image.tags or (asked.image,))
    assert not given.image.platforms or request.platforms == tuple(given.image.platforms)
    if given.result.push is not None or given.result.load is not None:
        assert (request.push, request.load) == (bool(given.result.push), bool(given.result.load))


@pytest.mark.parametrize(
    ("given", "asked", "warning"),
    [
        (Given(result=ResultOptions(outputs=["type=local,dest=out"])), PUSH, "skaffold asks for a push"),
        (Given(result=ResultOptions(outputs=["type=local,dest=out"])), LOAD, "skaffold expects the image"),
        (Given(result=ResultOptions(load=False)), LOAD, "skaffold expects the image"),
        (Given(result=ResultOptions(outputs=["type=registry"])), LOAD, "skaffold asks for no push"),
    ],
)
def test_a_result_that_goes_elsewhere_is_said(given: Given, asked: SkaffoldBuild, warning: str) -> None:
    assert [
        text for text in build_request(given.image, asked, given.result).warnings if text.startswith(warning)
    ]


def test_a_push_by_an_output_is_what_skaffold_asks_for() -> None:
    assert build_request(ImageOptions(), PUSH, ResultOptions(outputs=["type=image,push=true"])).warnings == ()


@pytest.mark.parametrize(
    "given",
    [
        Given(ImageOptions(tags=["a.test/app:1", "b:2"])),
        Given(result=ResultOptions(push=True)),
        Given(ImageOptions(context="/elsewhere")),
    ],
)
def test_what_agrees_is_not_worth_a_word(given: Given) -> None:
    assert build_request(given.image, PUSH, given.result).warnings == ()


def test_a_variable_named_image_that_is_not_skaffolds_contradicts_nothing() -> None:
    assert build_request(ImageOptions(tags=["b:2"]), replace(PUSH, push=None)).warnings == ()


def test_skaffolds_kubernetes_context_stands_in() -> None:
    asked = replace(PUSH, kube_context="minikube")

    mine = RoutingOptions(fleet=FleetOptions(kube_context="mine"))
    assert skaffold_routing(RoutingOptions(), asked).fleet.kube_context == "minikube"
    assert skaffold_routing(mine, asked).fleet.kube_context == "mine"
    assert skaffold_routing(RoutingOptions(), None).fleet.kube_context is None


def test_the_environment_is_skaffolds_if_it_names_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGE", raising=False)
    monkeypatch.delenv("IMAGES", raising=False)
    assert asked_by_skaffold() is None

    monkeypatch.setenv("IMAGES", "a.test/app:1")
    asked = asked_by_skaffold()
    assert asked is not None
    assert asked.image == "a.test/app:1"


@pytest.mark.parametrize(
    "given",
    [
        lambda: Given(ImageOptions(tags=["UPPER"])),
        lambda: Given(ImageOptions(build_args=["=x"])),
        lambda: Given(ImageOptions(platforms=["linux/"])),
        lambda: Given(result=ResultOptions(outputs=["type=zip"])),
        lambda: Given(ImageOptions(platforms=["linux/amd64", "linux/arm64"]), ResultOptions(load=True)),
    ],
)
def test_wrong_options_are_refused(given: Callable[[], Given]) -> None:
    with pytest.raises(UsageError):
        build_request(given().image, None, given().result)
