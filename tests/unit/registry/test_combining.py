"""One index of several images: what it lists, in which order, and what it is called. As buildx does it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from router.errors import UsageError
from router.model.build_options import Annotation
from router.registry.combining import Combined, Source, combine, only_platforms
from router.registry.document import digest_of
from router.registry.media_types import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.unit.registry.images import AMD64, ARM64, described, image, index, platform

_ATTESTS = "vnd.docker.reference.type"
_SUBJECT = "vnd.docker.reference.digest"


def _combined(
    *sources: Source, annotations: Sequence[Annotation] = (), prefer_index: bool = True
) -> Combined:
    return combine(sources, annotations, prefer_index=prefer_index)


def _value(combined: Combined) -> Any:
    return json.loads(combined.document.content)


def _digests(combined: Combined) -> list[str]:
    return [each["digest"] for each in _value(combined)["manifests"]]


def test_an_index_lists_the_images_in_the_order_of_the_sources() -> None:
    sources = [image("b", of=ARM64), image("c"), image("a", of=platform("linux/s390x"))]

    made = _combined(*sources)

    assert _digests(made) == [each.document.descriptor.digest for each in sources]
    assert [child.digest for child, _ in made.children] == _digests(made)


def test_what_an_index_lists_stands_in_its_place_among_the_sources() -> None:
    first, listed, last = image("first"), [described("x"), described("y", of=ARM64)], image("last")

    made = _combined(first, index(*listed), last)

    wanted = [first.document.descriptor, *listed, last.document.descriptor]
    assert _digests(made) == [each.digest for each in wanted]


def test_an_image_that_is_there_twice_keeps_its_first_place_and_the_last_source_has_it() -> None:
    twice, other = described("twice"), described("other", of=ARM64)

    made = _combined(
        index(twice, other, repository="example.com/one"), index(twice, repository="example.com/two")
    )

    assert _digests(made) == [twice.digest, other.digest]
    assert [place.repository for _, place in made.children] == ["example.com/two", "example.com/one"]


def test_of_an_image_that_is_there_twice_the_later_platform_and_annotations_count() -> None:
    first = described("twice", of=AMD64, annotations={"a": "1", "b": "1"})
    second = described("twice", of=platform("linux/amd64/v3"), annotations={"b": "2"})
    third = described("twice", of=None)

    made = _combined(index(first), index(second), index(third))

    (listed,) = _value(made)["manifests"]
    assert listed["platform"] == {"architecture": "amd64", "os": "linux", "variant": "v3"}
    assert listed["annotations"] == {"a": "1", "b": "2"}


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ((OCI_MANIFEST, OCI_MANIFEST), OCI_INDEX),
        ((DOCKER_MANIFEST, DOCKER_MANIFEST), DOCKER_LIST),
        ((DOCKER_MANIFEST, OCI_MANIFEST), OCI_INDEX),
    ],
)
def test_it_is_a_list_of_dockers_where_all_images_are_dockers(types: tuple[str, str], expected: str) -> None:
    made = _combined(image("a", types[0]), image("b", types[1], of=ARM64))

    assert _value(made)["mediaType"] == made.document.descriptor.media_type == expected
    assert made.is_docker is (expected == DOCKER_LIST)


def test_the_descriptor_is_of_the_bytes_and_the_bytes_are_as_go_writes_them() -> None:
    made = _combined(image("a"), image("b"))

    content = made.document.content
    assert (made.document.descriptor.digest, made.document.descriptor.size) == (
        digest_of(content),
        len(content),
    )
    assert content.startswith(
        b'{\n  "schemaVersion": 2,\n  "mediaType": "application/vnd.oci.image.index.v1+json",\n'
    )
    assert not content.endswith(b"\n")


@pytest.mark.parametrize("prefer_index", [True, False])
def test_a_single_index_stays_byte_for_byte(prefer_index: bool) -> None:
    source = index(described("a"), described("b", of=ARM64), annotations={"who": "me"})

    made = _combined(source, prefer_index=prefer_index)

    assert made.document is source.document
    assert [place for _, place in made.children] == [source.reference] * 2


def test_a_single_image_is_put_into_an_index_unless_it_is_to_stay_one() -> None:
    source = image("a")

    kept, wrapped = _combined(source, prefer_index=False), _combined(source)

    assert kept.document is source.document
    assert [child.digest for child, _ in kept.children] == [source.document.descriptor.digest]
    assert _digests(wrapped) == [source.document.descriptor.digest]


def test_annotations_make_a_new_index_of_a_single_one_and_its_own_are_gone() -> None:
    source = index(described("a"), annotations={"old": "1"})

    made = _combined(source, annotations=[Annotation(key="new", value="2", type="index")])

    assert _value(made)["annotations"] == {"new": "2"}
    assert made.document.descriptor.digest != source.document.descriptor.digest


def test_annotations_of_an_index_are_sorted_and_the_last_of_a_name_counts() -> None:
    given = [("b", "1"), ("a", "2"), ("b", "3")]

    made = _combined(
        image("x"), annotations=[Annotation(key=key, value=value, type="index") for key, value in given]
    )

    assert list(_value(made)["annotations"].items()) == [("a", "2"), ("b", "3")]
    assert "annotations" not in _value(made)["manifests"][0]


def test_an_annotation_of_descriptors_is_on_all_or_on_those_of_its_platform() -> None:
    annotations = [
        Annotation(key="all", value="1", type="manifest-descriptor"),
        Annotation(key="one", value="2", type="manifest-descriptor", platform="linux/arm64"),
    ]

    made = _combined(image("a"), image("b", of=ARM64), image("c", of=None), annotations=annotations)

    found = [each["annotations"] for each in _value(made)["manifests"]]
    assert found == [{"all": "1"}, {"all": "1", "one": "2"}, {"all": "1"}]
    assert "annotations" not in _value(made)


@pytest.mark.parametrize("kind", ["", "manifest", "index-descriptor"])
def test_an_annotation_of_what_stays_as_it_is_is_refused(kind: str) -> None:
    with pytest.raises(UsageError, match=f"the annotation a is for the {kind or 'manifest'}") as caught:
        _combined(image("x"), annotations=[Annotation(key="a", value="1", type=kind)])

    assert "--annotation index:a=" in (caught.value.hint or "")


def test_dockers_lists_get_no_annotations() -> None:
    annotations = [
        Annotation(key="a", value="1", type="index"),
        Annotation(key="b", value="2", type="manifest-descriptor"),
    ]

    made = _combined(image("x", DOCKER_MANIFEST), annotations=annotations)

    assert made.is_docker
    assert b"annotations" not in made.document.content


def test_of_an_index_the_images_of_the_platforms_stay_with_what_attests_to_them() -> None:
    amd, arm = described("amd"), described("arm", of=ARM64)
    attests = {
        each.digest: described(
            f"of {each.digest}",
            of=platform("unknown/unknown"),
            annotations={_ATTESTS: "attestation-manifest", _SUBJECT: each.digest},
        )
        for each in (amd, arm)
    }
    without = described("any", of=None)
    made = _combined(index(amd, arm, *attests.values(), without, annotations={"b": "1", "a": "2"}))

    kept = only_platforms(made, ["linux/arm64"])

    assert _digests(kept) == [arm.digest, attests[arm.digest].digest, without.digest]
    assert [child.digest for child, _ in kept.children] == _digests(kept)
    assert kept.document.descriptor.digest == digest_of(kept.document.content)
    assert list(_value(kept)["annotations"]) == ["a", "b"]


def test_a_reference_of_another_kind_or_to_nothing_does_not_stay() -> None:
    arm, unknown = described("arm", of=ARM64), platform("unknown/unknown")
    other = described("other", of=unknown, annotations={_ATTESTS: "signature", _SUBJECT: arm.digest})
    orphan = described(
        "orphan", of=unknown, annotations={_ATTESTS: "attestation-manifest", _SUBJECT: "sha256:0"}
    )

    kept = only_platforms(_combined(index(arm, other, orphan)), ["linux/arm64"])

    assert _digests(kept) == [arm.digest]


def test_platforms_are_compared_by_their_one_name() -> None:
    listed = [described("armhf", of=platform("linux/arm")), described("v6", of=platform("linux/arm/v6"))]

    kept = only_platforms(_combined(index(*listed)), ["linux/arm/v7"])

    assert _digests(kept) == [listed[0].digest]


def test_an_index_of_which_all_stays_is_not_written_anew() -> None:
    made = _combined(index(described("a"), described("b", of=ARM64)))

    assert only_platforms(made, ["linux/amd64", "linux/arm64"]) is made
    assert only_platforms(made, []) is made


@pytest.mark.parametrize("prefer_index", [True, False])
def test_where_no_image_is_for_the_platforms_there_is_an_error(prefer_index: bool) -> None:
    made = _combined(image("a"), prefer_index=prefer_index)

    with pytest.raises(UsageError, match="none of the images is for linux/s390x, linux/ppc64le"):
        only_platforms(made, ["linux/s390x", "linux/ppc64le"])


def test_a_single_image_of_the_platform_stays_what_it_is() -> None:
    made = _combined(image("a"), prefer_index=False)

    assert only_platforms(made, ["linux/amd64"]) is made
