"""What a frontend and its daemon have said: references that change, and answers that must not."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.rpc.events import Http2Error
from router.rpc.protobuf import field
from router.serving.bridge_messages import UNARY, is_failure, paired, translated


def entry(number: int, key: str, value: bytes) -> bytes:
    """Return an entry of a map."""
    return field(number, field(1, key) + field(2, value))


def reference(name: str) -> bytes:
    """Return a Ref, with the steps that lead to it, which differ between daemons."""
    return field(1, name) + field(2, f"steps of {name}")


def result(**names: str) -> bytes:
    """Return a Result with a reference for each platform, in an order of chance as Go packs it."""
    entries = [entry(1, platform, reference(name)) for platform, name in names.items()]
    random.shuffle(entries)
    metadata = [entry(10, "config", b"{}"), entry(10, "platforms", b"[]")]
    random.shuffle(metadata)
    attested = field(1, field(2, b"") + field(3, reference("proof-" + names["amd64"])))
    return field(4, b"".join(entries)) + b"".join(metadata) + entry(12, "amd64", attested)


@pytest.mark.parametrize("method", ["ReadFile", "ReadDir", "StatFile", "Evaluate"])
def test_a_request_names_the_reference_of_the_next_daemon(method: str) -> None:
    request = field(1, "old") + field(2, "a/path")

    assert translated(method, request, {"old": "new"}) == field(1, "new") + field(2, "a/path")
    assert translated(method, request, {"another": "new"}) == request
    assert translated(method, request, {}) is request


@pytest.mark.parametrize(
    "shape",
    [
        lambda name: field(1, name),
        lambda name: field(2, entry(1, "amd64", name)),
        lambda name: field(3, field(1, name)),
        lambda name: field(4, entry(1, "amd64", field(1, name))),
        lambda name: field(3, field(1, "kept")) + entry(12, "amd64", field(1, field(3, field(1, name)))),
    ],
    ids=["one, old", "many, old", "one", "many", "an attestation"],
)
def test_a_result_is_returned_with_the_references_of_the_next_daemon(shape: object) -> None:
    assert callable(shape)
    metadata = entry(10, "old", b"old")

    returned = translated("Return", field(1, shape(b"old") + metadata), {"old": "new"})

    assert returned == field(1, shape(b"new") + metadata)


def test_a_mount_of_a_container_names_the_reference_of_the_next_daemon() -> None:
    asked = field(1, "old") + field(2, field(3, "/old") + field(23, "old"))

    assert translated("NewContainer", asked, {"old": "new"}) == field(1, "old") + field(
        2, field(3, "/old") + field(23, "new")
    )


def test_references_are_paired_by_what_they_are_for() -> None:
    for _ in range(20):
        before = field(3, result(amd64="a", arm64="b"))
        now = field(3, result(amd64="c", arm64="d"))

        assert paired("Solve", before, now) == {"a": "c", "b": "d", "proof-a": "proof-c"}


@pytest.mark.parametrize(
    ("method", "before", "now"),
    [
        ("Solve", field(3, result(amd64="a")), field(3, result(amd64="a", arm64="b"))),
        ("Solve", field(3, result(amd64="a", arm64="b")), field(3, result(amd64="a"))),
        ("Solve", field(3, entry(10, "config", b"1")), field(3, entry(10, "config", b"2"))),
        ("Solve", field(3, field(3, reference("a"))), field(3, field(3, b""))),
        ("Solve", field(3, field(3, reference("a"))), field(1, "a")),
        ("ReadFile", field(1, "a"), field(1, "b")),
        ("StatFile", field(1, field(1, "name") + b"\x28\x05"), field(1, field(1, "name") + b"\x28\x06")),
        ("ReadDir", field(1, field(1, "name")), field(1, field(1, "name")) * 2),
        ("ResolveSourceMeta", field(2, field(1, "sha256:a")), field(2, field(1, "sha256:b"))),
    ],
    ids=[  # a packed map has another order in each process, and xdist compares the names
        "a platform more",
        "a platform less",
        "another config",
        "no reference",
        "another result",
        "another file",
        "another size",
        "another file more",
        "another digest",
    ],
)
def test_answers_that_differ_have_no_pairs(method: str, before: bytes, now: bytes) -> None:
    assert paired(method, before, now) is None
    assert paired(method, before, before) is not None


def test_the_time_of_a_file_is_each_daemons_own() -> None:
    before, now = (field(1, field(1, "name") + b"\x30" + time) for time in (b"\x01", b"\x02"))

    assert paired("StatFile", before, now) == {}
    assert paired("ReadDir", before, now) == {}


def test_the_end_of_a_frontend_is_a_failure_or_a_result() -> None:
    assert is_failure(field(2, b"\x08\x01"))
    assert not is_failure(field(1, field(3, field(1, "a"))))


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_bytes_that_are_no_message_are_refused_and_nothing_else(one: bytes, other: bytes) -> None:
    for method in sorted(UNARY):
        with suppress(Http2Error):
            translated(method, one, {"": "a", "b": "c"})
        with suppress(Http2Error):
            paired(method, one, other)
    with suppress(Http2Error):
        is_failure(one)
