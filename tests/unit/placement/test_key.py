"""The balancing key: which rule applies, and what it makes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from router.placement.key import GitCheckout, Key, KeyInputs, balancing_key

_ALL = KeyInputs(
    key="mine",
    image_repo="registry.example.com/team/repo",
    image="registry.example.com/team/image:1",
    tags=("registry.example.com/team/tag:1", "registry.example.com/other:1"),
    context="/workspace/repository/service",
    git=GitCheckout(remote="git@github.com:org/repository.git", path="service"),
)


def test_the_rules_apply_in_their_order() -> None:
    inputs = _ALL
    keys = [balancing_key(inputs)]
    for unknown in ({"key": ""}, {"image_repo": ""}, {"image": ""}, {"tags": ()}, {"git": None}):
        inputs = replace(inputs, **unknown)
        keys.append(balancing_key(inputs))

    assert keys == [
        Key(rule="key", key="mine"),
        Key(rule="image-repo", key="registry.example.com/team/repo"),
        Key(rule="image", key="registry.example.com/team/image"),
        Key(rule="tag", key="registry.example.com/team/tag"),
        Key(rule="git", key="github.com/org/repository:service"),
        Key(rule="path", key="/workspace/repository/service"),
    ]


@pytest.mark.parametrize(
    ("image", "key"),
    [
        ("app", "docker.io/library/app"),
        ("team/app:1", "docker.io/team/app"),
        ("docker.io/app:1", "docker.io/library/app"),
        ("localhost/app:1", "localhost/app"),
        ("localhost:5000/app", "localhost:5000/app"),
        ("127.0.0.1:5000/team/app:1.0-rc1", "127.0.0.1:5000/team/app"),
        ("[::1]:5000/app:1", "[::1]:5000/app"),
        ("registry.example.com/app:1@sha256:" + 64 * "a", "registry.example.com/app"),
    ],
)
def test_an_image_gives_its_repository(image: str, key: str) -> None:
    by_image = balancing_key(KeyInputs(context="/", image=image))
    by_tag = balancing_key(KeyInputs(context="/", tags=(image,)))

    assert by_image.key == by_tag.key == key


def test_a_repository_of_skaffold_has_the_same_key_as_its_tag() -> None:
    by_skaffold = balancing_key(KeyInputs(context="/", image_repo="app"))
    by_tag = balancing_key(KeyInputs(context="/", tags=("app:1",)))

    assert by_skaffold.key == by_tag.key


def test_an_image_name_that_is_none_is_taken_as_it_stands() -> None:
    assert balancing_key(KeyInputs(context="/", image_repo="Not A Name")).key == "Not A Name"


@pytest.mark.parametrize(
    ("context", "key"),
    [
        ("https://token@github.com/org/repository.git#main:service", "github.com/org/repository:service"),
        ("git@github.com:org/repository.git#v1", "github.com/org/repository"),
        ("https://github.com/org/repository.git?ref=v1&subdir=service", "github.com/org/repository:service"),
        (
            "https://user:secret@Example.com:8443/context.tar.gz?signature=1",
            "example.com:8443/context.tar.gz",
        ),
    ],
)
def test_a_remote_context_gives_its_identity(context: str, key: str) -> None:
    assert balancing_key(KeyInputs(context=context)) == Key(rule="url", key=key)


def test_the_top_of_a_repository_has_the_repository_as_key() -> None:
    inputs = KeyInputs(context="/src", git=GitCheckout(remote="https://github.com/org/repository"))

    assert balancing_key(inputs) == Key(rule="git", key="github.com/org/repository")


def test_a_repository_without_a_remote_is_known_by_its_path() -> None:
    inputs = KeyInputs(context="/src", git=GitCheckout(remote=""))

    assert balancing_key(inputs) == Key(rule="path", key="/src")


def test_a_clone_has_the_key_of_the_same_directory_as_a_remote_context() -> None:
    clone = KeyInputs(context="/src/a", git=GitCheckout(remote="ssh://git@github.com/org/r.git", path="a"))
    remote = KeyInputs(context="https://github.com/org/r.git#main:a")

    assert balancing_key(clone).key == balancing_key(remote).key


def test_a_path_that_is_no_utf_8_is_made_printable() -> None:
    assert balancing_key(KeyInputs(context="/srv/\udcff")).key == "/srv/\\xff"
