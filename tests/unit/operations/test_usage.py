"""Sums of records, and the id of a cache mount."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model.frozen import replace
from router.operations.usage import CacheRecord, cache_mounts, usage_of

_RECORD = CacheRecord(
    id="a",
    type="regular",
    size=10,
    mutable=False,
    in_use=False,
    shared=False,
    description="",
    parents=(),
    usage_count=0,
    created=0,
    last_used=None,
)


def _mount(description: str, **changes: object) -> CacheRecord:
    return replace(_RECORD, type="exec.cachemount", description=description, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ('cached mount /var/cache/go from exec /bin/sh -c go build with id "/go-build"', "go-build"),
        ('cached mount /var/apt from exec /bin/sh -c apt with id "//var/apt"', "/var/apt"),
        ('cached mount /c from exec /bin/sh -c x with id "team/go"', "team/go"),
        ('cached mount /c from exec /bin/sh -c echo with id "no" more with id "/a \\"b\\\\"', 'a "b\\'),
        ("cached mount /c from exec /bin/sh -c two\nlines", "/c"),
        ("cached mount /c from container 0123", "/c"),
        ("a daemon of another time", "a daemon of another time"),
    ],
)
def test_the_id_of_a_cache_mount_is_the_one_in_the_dockerfile(description: str, name: str) -> None:
    assert [mount.id for mount in cache_mounts([_mount(description)])] == [name]


def test_records_under_one_id_are_one_mount() -> None:
    text = 'cached mount /c from exec x with id "/c"'
    records = [
        _mount(text, size=5, last_used=7),
        _mount(text, size=-1, in_use=True, last_used=9),
        _RECORD,
    ]

    (mount,) = cache_mounts(records)

    assert (mount.size, mount.in_use, mount.last_used, mount.records) == (5, True, 9, 2)


@given(st.lists(st.tuples(st.integers(-1, 10**12), st.booleans(), st.booleans())))
def test_what_is_in_use_or_shared_is_a_part_of_the_whole(parts: list[tuple[int, bool, bool]]) -> None:
    usage = usage_of(
        replace(_RECORD, id=str(number), size=size, in_use=used, shared=shared)
        for number, (size, used, shared) in enumerate(parts)
    )

    assert usage.total == sum(size for size, _, _ in parts if size > 0)
    assert usage.total - usage.reclaimable == sum(size for size, used, _ in parts if used and size > 0)
    assert usage.private == usage.total - sum(size for size, _, shared in parts if shared)
    assert [record.size for record in usage.records] == sorted(size for size, _, _ in parts)
