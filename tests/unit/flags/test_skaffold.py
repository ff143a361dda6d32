"""What skaffold tells."""

from __future__ import annotations

import pytest

from router.flags.skaffold import SkaffoldBuild, skaffold
from tests.unit.specs.refused import refused

_ENVIRONMENT = {
    "IMAGE": "registry.example.com/app:v1",
    "IMAGE_REPO": "registry.example.com/app",
    "IMAGE_TAG": "v1",
    "PUSH_IMAGE": "true",
    "BUILD_CONTEXT": "/workspace/app",
    "PLATFORMS": "linux/amd64,linux/arm64/v8",
    "KUBE_CONTEXT": "prod",
    "NAMESPACE": "ci",
}


def test_everything_is_taken() -> None:
    assert skaffold(_ENVIRONMENT) == SkaffoldBuild(
        image="registry.example.com/app:v1",
        image_repo="registry.example.com/app",
        push=True,
        context="/workspace/app",
        platforms=("linux/amd64", "linux/arm64"),
        kube_context="prod",
        namespace="ci",
    )


def test_without_an_image_skaffold_asks_for_nothing() -> None:
    assert skaffold({"PUSH_IMAGE": "true"}) is None


def test_the_old_name_of_the_image_counts_too() -> None:
    assert skaffold({"IMAGES": "app:v1"}) == SkaffoldBuild(image="app:v1")


@pytest.mark.parametrize("platforms", ["", "all", " "])
def test_no_constraint_is_no_platform(platforms: str) -> None:
    build = skaffold({"IMAGE": "app", "PLATFORMS": platforms})

    assert build == SkaffoldBuild(image="app")


def test_an_image_of_the_users_own_environment_is_noticed() -> None:
    build = skaffold(_ENVIRONMENT | {"IMAGE": "mine:v1"})

    assert build is not None
    assert build.image == "mine:v1"
    (warning,) = build.warnings
    assert warning == (
        "IMAGE is mine:v1, but skaffold expects registry.example.com/app:v1: "
        "is IMAGE set in your own environment? That wins over skaffold's"
    )


def test_several_platforms_without_a_push_are_refused() -> None:
    error = refused(lambda: skaffold(_ENVIRONMENT | {"PUSH_IMAGE": "false"}))

    assert str(error) == (
        "skaffold asks for several platforms (linux/amd64, linux/arm64) without a push: "
        "a Docker engine can't take more than one"
    )


def test_one_platform_without_a_push_is_fine() -> None:
    build = skaffold({"IMAGE": "app", "PUSH_IMAGE": "false", "PLATFORMS": "linux/amd64"})

    assert build == SkaffoldBuild(image="app", push=False, platforms=("linux/amd64",))


def test_a_push_that_is_neither_true_nor_false_is_refused() -> None:
    error = refused(lambda: skaffold({"IMAGE": "app", "PUSH_IMAGE": "maybe"}))

    assert str(error) == 'invalid PUSH_IMAGE "maybe": it must be true or false'
    assert error.hint == "for example: PUSH_IMAGE=true"


def test_a_platform_that_is_none_is_refused_by_the_variables_name() -> None:
    error = refused(lambda: skaffold({"IMAGE": "app", "PLATFORMS": "vax"}))

    assert str(error).startswith('invalid PLATFORMS "vax"')
