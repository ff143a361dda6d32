"""Descriptors: read from what a registry sent, written as Go writes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.errors import RegistryError
from router.registry.descriptor import (
    Descriptor,
    ImagePlatform,
    descriptor_json,
    parse_descriptor,
    parse_platform_json,
)
from router.registry.document import digest_of, document
from router.registry.media_types import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    media_type_of,
)

_DIGEST = digest_of(b"content")
# With all members, in the order of OCI's Go struct.
_WHOLE: dict[str, Any] = {
    "mediaType": OCI_MANIFEST,
    "digest": _DIGEST,
    "size": 7,
    "urls": ["https://example.com/blob"],
    "annotations": {"a": "1", "b": "2"},
    "data": "Y29udGVudA==",
    "platform": {
        "architecture": "arm",
        "os": "linux",
        "os.version": "10.0",
        "os.features": ["win32k"],
        "variant": "v7",
    },
    "artifactType": "application/vnd.example",
}


def test_a_descriptor_is_written_as_it_was_read() -> None:
    written = descriptor_json(parse_descriptor(_WHOLE, "the index"))

    assert json.dumps(written) == json.dumps(_WHOLE)


def test_what_is_empty_is_left_out_but_for_the_three_that_all_have() -> None:
    written = descriptor_json(Descriptor(media_type="", digest=_DIGEST, size=0, platform=ImagePlatform()))

    assert written == {
        "mediaType": "",
        "digest": _DIGEST,
        "size": 0,
        "platform": {"architecture": "", "os": ""},
    }


def test_annotations_are_written_sorted() -> None:
    written = descriptor_json(
        Descriptor(media_type=OCI_MANIFEST, digest=_DIGEST, size=7, annotations={"b": "2", "a": "1"})
    )

    assert list(written["annotations"]) == ["a", "b"]  # type: ignore[call-overload]  # a mapping


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"digest": _DIGEST},
        {"digest": _DIGEST, "size": -1},
        {"digest": _DIGEST, "size": "7"},
        {"digest": "sha256:../../etc/passwd", "size": 7},
        {"digest": f"md5:{32 * '0'}", "size": 7},
        None,
        [],
    ],
)
def test_one_without_a_digest_and_a_size_is_refused(odd: object) -> None:
    with pytest.raises(RegistryError, match="the index holds a descriptor without a valid digest and size"):
        parse_descriptor(odd, "the index")


def test_members_of_another_type_count_as_missing() -> None:
    odd = {
        "mediaType": 1,
        "digest": _DIGEST,
        "size": 7,
        "annotations": {"a": 1, "b": "2"},
        "urls": ["x", 2],
        "platform": "linux/amd64",
    }

    found = parse_descriptor(odd, "the index")

    assert (found.media_type, found.annotations, found.urls, found.platform) == ("", {"b": "2"}, ("x",), None)


@pytest.mark.parametrize(
    ("value", "name", "normalized"),
    [
        ({"os": "linux", "architecture": "arm", "variant": "v6"}, "linux/arm/v6", "linux/arm/v6"),
        ({"os": "linux", "architecture": "arm"}, "linux/arm", "linux/arm/v7"),
        ({"os": "linux", "architecture": "arm64", "variant": "v8"}, "linux/arm64/v8", "linux/arm64"),
        ({"architecture": "amd64"}, "unknown", None),
        ({}, "unknown", None),
    ],
)
def test_a_platform_keeps_its_name_and_is_compared_by_another(
    value: dict[str, str], name: str, normalized: str | None
) -> None:
    found = parse_platform_json(value)

    assert found.name == name
    assert normalized is None or found.normalized == normalized


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"mediaType": OCI_INDEX, "config": {}}, OCI_INDEX),
        ({"config": {}}, DOCKER_MANIFEST),
        ({"manifests": []}, DOCKER_LIST),
    ],
)
def test_the_type_of_what_came_without_one_is_guessed_as_buildx_does(value: object, expected: str) -> None:
    assert media_type_of(value) == expected


def test_an_index_lists_manifests_and_a_manifest_is_made_of_its_config_and_layers() -> None:
    part = {"mediaType": "x", "digest": _DIGEST, "size": 7}
    written = {"manifests": [part], "config": {**part, "size": 1}, "layers": [part, part]}
    content = json.dumps(written).encode()

    def read(media_type: str) -> tuple[list[int], list[int]]:
        named = Descriptor(media_type=media_type, digest=digest_of(content), size=len(content))
        found = document(named, content)
        return [each.size for each in found.manifests], [each.size for each in found.blobs]

    assert read(OCI_INDEX) == read(DOCKER_LIST) == ([7], [])
    assert read(OCI_MANIFEST) == read(DOCKER_MANIFEST) == ([], [1, 7, 7])
    assert read("application/vnd.example") == ([], [])


def test_content_is_checked_by_the_algorithm_of_its_digest() -> None:
    right = digest_of(b"{}", "sha512:")

    assert right.startswith("sha512:")
    assert document(Descriptor(media_type=OCI_INDEX, digest=right, size=2), b"{}").value == {}
    with pytest.raises(RegistryError, match="sent other content than sha512:"):
        document(Descriptor(media_type=OCI_INDEX, digest=right, size=2), b"[]")
