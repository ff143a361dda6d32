"""Image references."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.notation.tag import Reference, format_reference, parse_reference, parse_tags
from tests.unit.specs.refused import refused

_DIGEST = "sha256:" + 64 * "0"


@pytest.mark.parametrize(
    ("text", "normalized", "familiar"),
    [
        ("app", "docker.io/library/app", "app"),
        ("app:1.0", "docker.io/library/app:1.0", "app:1.0"),
        ("team/app", "docker.io/team/app", "team/app"),
        ("library/app", "docker.io/library/app", "app"),
        ("docker.io/app", "docker.io/library/app", "app"),
        ("index.docker.io/team/app", "docker.io/team/app", "team/app"),
        ("docker.io/library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/app:1", "localhost/app:1", "localhost/app:1"),
        ("localhost:5000/app", "localhost:5000/app", "localhost:5000/app"),
        ("Registry/app", "Registry/app", "Registry/app"),
        ("registry.example.com/a/b__c-d.e:T", "registry.example.com/a/b__c-d.e:T", None),
        ("[2001:db8::1]:5000/app:1", "[2001:db8::1]:5000/app:1", None),
        (f"app@{_DIGEST}", f"docker.io/library/app@{_DIGEST}", f"app@{_DIGEST}"),
        (f"team/app:1@{_DIGEST}", f"docker.io/team/app:1@{_DIGEST}", f"team/app:1@{_DIGEST}"),
    ],
)
def test_a_name_is_normalized_as_docker_does(text: str, normalized: str, familiar: str | None) -> None:
    reference = parse_reference(text)

    assert format_reference(reference) == normalized
    assert reference.familiar == (familiar or normalized)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the repository's name is missing"),
        (":1", "the repository's name is missing"),
        ("App", "the repository's name App must be in lower case"),
        ("example.com/Team/app", "the repository's name Team/app must be in lower case"),
        (
            "app:",
            "a tag is up to 128 letters, digits, dots, dashes and underscores, not starting with . or -",
        ),
        (
            "app:-1",
            "a tag is up to 128 letters, digits, dots, dashes and underscores, not starting with . or -",
        ),
        (64 * "a", "64 hexadecimal digits are an image's id, not its name"),
        ("-example.com/app", "-example.com is no registry's host"),
        ("app@sha256:12", "a digest is an algorithm, a colon and hexadecimal digits"),
        ("app@md5:" + 32 * "0", "the digest's algorithm md5 is not one of sha256, sha384, sha512"),
        ("app@sha256:" + 63 * "0", "a sha256 digest has 64 lower-case hexadecimal digits"),
        ("a" * 256, "the repository's name has more than 255 characters"),
    ],
)
def test_a_wrong_name_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: parse_reference(text))) == f'invalid --tag "{text}": {why}'


@pytest.mark.parametrize("text", ["a b", "a//b", "a/", "a..b", "a___b", "ä", "a\n", "app:1\n"])
def test_a_name_of_other_characters_is_refused(text: str) -> None:
    refused(lambda: parse_reference(text))


@given(st.text(alphabet="aB0.:/-_@[]", max_size=30))
def test_what_is_accepted_survives_formatting_and_parsing(text: str) -> None:
    try:
        reference = parse_reference(text)
    except UsageError:
        return
    assert parse_reference(format_reference(reference)) == reference
    assert parse_reference(reference.familiar) == reference


def test_the_repository_has_neither_tag_nor_digest() -> None:
    assert parse_reference(f"localhost:5000/app:1@{_DIGEST}").repository == "localhost:5000/app"
    assert Reference(domain="docker.io", path="library/app").repository == "docker.io/library/app"


def test_tags_are_kept_as_they_stand() -> None:
    assert parse_tags(["app", "team/app:1", "app"]) == ("app", "team/app:1")


def test_a_tag_with_a_digest_is_taken() -> None:
    assert parse_tags([f"app@{_DIGEST}", f"app:1@{_DIGEST}"]) == (f"app@{_DIGEST}", f"app:1@{_DIGEST}")


@pytest.mark.parametrize("text", ["", "App", "app::1", "app:", ":1", "app@sha256:abc"])
def test_a_tag_that_is_no_name_is_refused_wherever_it_stands(text: str) -> None:
    refused(lambda: parse_tags(["app", text]))
