"""``oci-layout://``, and digests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.notation.digest import ALGORITHMS, is_digest
from router.notation.flag import Flag
from router.notation.oci_reference import (
    OCIReference,
    format_oci_reference,
    is_oci_reference,
    parse_oci_reference,
)
from tests.unit.specs.refused import refused

FLAG = Flag(name="--build-context", example="base=oci-layout://DIRECTORY")
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("images", OCIReference(path="images", tag="latest")),
        ("./images:v1.2", OCIReference(path="./images", tag="v1.2")),
        (f"/srv/images@{DIGEST}", OCIReference(path="/srv/images", digest=DIGEST)),
        (f"/srv/images:v1@{DIGEST}", OCIReference(path="/srv/images", tag="v1", digest=DIGEST)),
        ("/srv/at@home/images", OCIReference(path="/srv/at@home/images", tag="latest")),
        ("/srv/a:b/images", OCIReference(path="/srv/a:b/images", tag="latest")),
        ("/srv/a@b", OCIReference(path="/srv/a@b", tag="latest")),
        ("/srv/images:.hidden", OCIReference(path="/srv/images:.hidden", tag="latest")),
    ],
)
def test_a_reference_is_a_path_with_a_tag_or_a_digest(text: str, reference: OCIReference) -> None:
    assert is_oci_reference(f"oci-layout://{text}")
    assert parse_oci_reference(f"oci-layout://{text}", FLAG) == reference


@pytest.mark.parametrize("text", ["", ":tag", f"images@sha256:{'0' * 63}", f"images@sha1:{'0' * 40}"])
def test_a_reference_without_a_path_or_with_an_odd_digest_is_refused(text: str) -> None:
    refused(lambda: parse_oci_reference(f"oci-layout://{text}", FLAG))


@given(
    path=st.text("abc/._-", min_size=1),
    tag=st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,20}\Z"),
    digest=st.sampled_from(["", DIGEST]),
)
def test_what_is_formatted_is_parsed_alike(path: str, tag: str, digest: str) -> None:
    reference = OCIReference(path=path, tag=tag, digest=digest)

    assert parse_oci_reference(format_oci_reference(reference), FLAG) == reference


@given(st.sampled_from(sorted(ALGORITHMS)), st.data())
def test_a_digest_has_as_many_digits_as_its_algorithm_says(algorithm: str, data: st.DataObject) -> None:
    size = ALGORITHMS[algorithm]
    digits = data.draw(st.text("0123456789abcdef", min_size=size - 1, max_size=size + 1))

    assert is_digest(f"{algorithm}:{digits}") == (len(digits) == size)


@given(st.text() | st.from_regex(r"sha256:[0-9a-fA-F/.\n]{60,70}"))
def test_a_digest_is_never_a_path(text: str) -> None:
    if is_digest(text):
        assert not set(text) & set("/.\n \0")
        assert text.isascii()


@pytest.mark.parametrize("text", [DIGEST.upper(), DIGEST + "\n", f" {DIGEST}", DIGEST.replace(":", ":/", 1)])
def test_a_digest_stands_alone_and_in_lower_case(text: str) -> None:
    assert not is_digest(text)
