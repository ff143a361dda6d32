"""What an image is made of: names, digests, descriptors, and where each is."""

from __future__ import annotations

import json

import pytest

from router.errors import UsageError
from router.notation.tag import parse_reference
from router.registry.document import digest_of
from router.registry.media_types import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from router.registry.sources import Given, described, located, parse_sources
from tests.unit.registry.images import AMD64, ARM64
from tests.unit.registry.images import described as descriptor

_DIGEST = digest_of(b"content")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (_DIGEST, Given(digest=_DIGEST)),
        ("example.com/app:1", Given(reference=parse_reference("example.com/app:1"))),
        (f"app@{_DIGEST}", Given(reference=parse_reference(f"docker.io/library/app@{_DIGEST}"))),
        (json.dumps({"digest": _DIGEST}), Given(digest=_DIGEST)),
        (
            " "
            + json.dumps(
                {"digest": _DIGEST, "size": 7, "mediaType": OCI_MANIFEST, "annotations": {"a": "1"}}
            ),
            Given(digest=_DIGEST, size=7, media_type=OCI_MANIFEST, annotations=(("a", "1"),)),
        ),
        (
            json.dumps({"digest": _DIGEST, "platform": {"os": "linux", "architecture": "arm64"}}),
            Given(digest=_DIGEST, platform=ARM64),
        ),
    ],
)
def test_a_source_is_a_name_a_digest_or_a_descriptor(text: str, expected: Given) -> None:
    assert parse_sources([text]) == (expected,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sha256:abc", 'invalid source "sha256:abc": it is not a valid digest'),
        ("{", "the descriptor is not valid JSON"),
        ('{"digest": "sha256:abc"}', "the source holds a descriptor without a valid digest"),
        ("{}", "the source holds a descriptor without a valid digest"),
        ("app/UPPER", "invalid source"),
    ],
)
def test_anything_else_is_wrong_usage(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_sources([text])


def test_a_digest_is_in_the_one_repository_that_is_named() -> None:
    by_digest, named = Given(digest=_DIGEST), Given(reference=parse_reference("example.com/app:1"))
    tag = parse_reference("example.com/app:new")

    found, other = located([by_digest, named], [tag])

    assert found.reference == parse_reference(f"example.com/app@{_DIGEST}")
    assert other is named
    assert located([by_digest], [tag])[0].reference == found.reference
    assert located([by_digest, named], [])[0].reference == found.reference


def test_with_several_repositories_a_digest_needs_its_own() -> None:
    named = Given(reference=parse_reference("example.com/app:1"))
    tag = parse_reference("example.com/elsewhere:new")

    assert located([named], [tag]) == (named,)
    with pytest.raises(UsageError, match="several repositories are named") as caught:
        located([named, Given(digest=_DIGEST)], [tag])
    assert f"REPOSITORY@{_DIGEST}" in (caught.value.hint or "")


def test_without_any_repository_nothing_is_to_be_found() -> None:
    with pytest.raises(UsageError, match="no repository is named"):
        located([Given(digest=_DIGEST)], [])


def test_a_descriptor_overrides_what_was_found() -> None:
    found = descriptor("content", of=AMD64, annotations={"old": "1"})

    changed = described(
        Given(
            digest=found.digest,
            size=found.size,
            media_type=DOCKER_MANIFEST,
            platform=ARM64,
            annotations=(("new", "2"),),
        ),
        found,
    )

    assert (changed.digest, changed.size) == (found.digest, found.size)
    assert changed.media_type == DOCKER_MANIFEST
    assert changed.platform == ARM64
    assert changed.annotations == {"new": "2"}


def test_what_a_source_does_not_say_stays_as_it_was_found() -> None:
    found = descriptor("content", of=AMD64, annotations={"old": "1"})

    assert described(Given(digest=found.digest), found) == found


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (Given(digest=_DIGEST, size=8), "has 7 bytes, its descriptor says 8"),
        (Given(digest=_DIGEST, media_type=OCI_INDEX), f"is of the type {OCI_MANIFEST}, its descriptor says"),
    ],
)
def test_a_descriptor_that_contradicts_what_was_found_is_wrong(given: Given, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        described(given, descriptor("content"))

    assert said in str(caught.value)
