"""How options and skaffold's environment become one request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cli.commands.requests import ImageOptions, asked_by_skaffold, build_request, skaffold_routing
from cli.commands.routing import RoutingOptions
from router.errors import UsageError
from router.flags.skaffold import SkaffoldBuild

PUSH = SkaffoldBuild(image="a.test/app:1", push=True, context="/work")
LOAD = SkaffoldBuild(image="a.test/app:1", push=False, context="/work")


def test_skaffold_fills_in_what_was_not_given() -> None:
    prepared = build_request(ImageOptions(), PUSH)

    request = prepared.request
    assert (request.tags, request.context) == (("a.test/app:1",), "/work")
    assert (request.push, request.load) == (True, False)
    assert (prepared.warnings, prepared.by_skaffold) == ((), True)


def test_without_a_push_skaffold_wants_the_image_loaded() -> None:
    request = build_request(ImageOptions(), LOAD).request

    assert (request.push, request.load) == (False, True)


def test_an_image_alone_asks_for_neither() -> None:
    request = build_request(ImageOptions(), replace(PUSH, push=None)).request

    assert (request.push, request.load) == (False, False)


@pytest.mark.parametrize(
    ("options", "asked", "warning"),
    [
        (ImageOptions(tags=["b:2"]), PUSH, "skaffold asks for a.test/app:1, but --tag says b:2"),
        (ImageOptions(push=False), PUSH, "skaffold asks for a push"),
        (ImageOptions(load=True), PUSH, "skaffold asks for a push"),
        (ImageOptions(push=True), LOAD, "skaffold asks for no push"),
        (
            ImageOptions(platforms=["linux/arm64"]),
            replace(PUSH, platforms=("linux/amd64",)),
            "skaffold asks for linux/amd64, but --platform says linux/arm64",
        ),
    ],
)
def test_a_contradiction_is_said_and_the_option_wins(
    options: ImageOptions, asked: SkaffoldBuild, warning: str
) -> None:
    prepared = build_request(options, asked)

    request = prepared.request
    assert [text for text in prepared.warnings if text.startswith(warning)]
    assert request.tags == tuple(options.tags or (asked.image,))
    assert not options.platforms or request.platforms == tuple(options.platforms)
    if options.push is not None or options.load is not None:
        assert (request.push, request.load) == (bool(options.push), bool(options.load))


@pytest.mark.parametrize(
    ("options", "asked", "warning"),
    [
        (ImageOptions(outputs=["type=local,dest=out"]), PUSH, "skaffold asks for a push"),
        (ImageOptions(outputs=["type=local,dest=out"]), LOAD, "skaffold expects the image"),
        (ImageOptions(load=False), LOAD, "skaffold expects the image"),
        (ImageOptions(outputs=["type=registry"]), LOAD, "skaffold asks for no push"),
    ],
)
def test_a_result_that_goes_elsewhere_is_said(
    options: ImageOptions, asked: SkaffoldBuild, warning: str
) -> None:
    assert [text for text in build_request(options, asked).warnings if text.startswith(warning)]


def test_a_push_by_an_output_is_what_skaffold_asks_for() -> None:
    assert build_request(ImageOptions(outputs=["type=image,push=true"]), PUSH).warnings == ()


@pytest.mark.parametrize(
    "options",
    [
        ImageOptions(tags=["a.test/app:1", "b:2"]),
        ImageOptions(push=True),
        ImageOptions(context="/elsewhere"),
    ],
)
def test_what_agrees_is_not_worth_a_word(options: ImageOptions) -> None:
    assert build_request(options, PUSH).warnings == ()


def test_a_variable_named_image_that_is_not_skaffolds_contradicts_nothing() -> None:
    assert build_request(ImageOptions(tags=["b:2"]), replace(PUSH, push=None)).warnings == ()


def test_skaffolds_kubernetes_context_stands_in() -> None:
    asked = replace(PUSH, kube_context="minikube")

    assert skaffold_routing(RoutingOptions(), asked).kube_context == "minikube"
    assert skaffold_routing(RoutingOptions(kube_context="mine"), asked).kube_context == "mine"
    assert skaffold_routing(RoutingOptions(), None).kube_context is None


def test_the_environment_is_skaffolds_if_it_names_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMAGE", raising=False)
    monkeypatch.delenv("IMAGES", raising=False)
    assert asked_by_skaffold() is None

    monkeypatch.setenv("IMAGES", "a.test/app:1")
    asked = asked_by_skaffold()
    assert asked is not None
    assert asked.image == "a.test/app:1"


@pytest.mark.parametrize(
    "options",
    [
        lambda: ImageOptions(tags=["UPPER"]),
        lambda: ImageOptions(build_args=["=x"]),
        lambda: ImageOptions(platforms=["linux/"]),
        lambda: ImageOptions(outputs=["type=zip"]),
        lambda: ImageOptions(load=True, platforms=["linux/amd64", "linux/arm64"]),
    ],
)
def test_wrong_options_are_refused(options: Callable[[], ImageOptions]) -> None:
    with pytest.raises(UsageError):
        build_request(options(), None)
