"""What a prune would delete."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.usage_filter import UsageFilter
from router.model.frozen import replace
from router.operations.prune_plan import Pruning, planned
from router.operations.usage import CacheRecord
from tests.unit.specs.refused import refused

SECOND = 1_000_000_000
NOW = 1000 * SECOND
EVERYTHING = Pruning()
RECORD = CacheRecord(
    id="a",
    type="regular",
    size=10,
    mutable=False,
    in_use=False,
    shared=False,
    description="",
    parents=(),
    usage_count=1,
    created=0,
    last_used=500 * SECOND,
)


def _ids(
    records: Sequence[CacheRecord], pruning: Pruning = EVERYTHING, matching: Sequence[str] | None = None
) -> list[str]:
    return [record.id for record in planned(records, matching, pruning, now=NOW)]


def _record(name: str, **changes: object) -> CacheRecord:
    return replace(RECORD, id=name, **changes)  # type: ignore[arg-type]


def test_what_is_in_use_stays() -> None:
    assert _ids([_record("a", in_use=True), _record("b")]) == ["b"]


def test_a_parent_goes_after_its_children_and_stays_with_one_of_them() -> None:
    records = [_record("base"), _record("kept", parents=("base",)), _record("b", parents=("base",))]

    assert _ids(records) == ["kept", "b", "base"]
    assert _ids(records, matching=["base", "b"]) == ["b"]


@pytest.mark.parametrize("kept", [{"type": "frontend"}, {"type": "internal"}, {"shared": True}])
def test_what_frontends_and_images_have_goes_with_all_only(kept: dict[str, object]) -> None:
    records = [_record("a", **kept), _record("b")]

    assert _ids(records) == ["b"]
    assert _ids(records, Pruning(all=True)) == ["a", "b"]


def test_what_was_used_since_stays_and_what_never_was_goes() -> None:
    records = [_record("new", last_used=901 * SECOND), _record("old"), _record("never", last_used=None)]

    assert _ids(records, Pruning(filters=UsageFilter(unused_for=100.0))) == ["old", "never"]


def test_a_bound_deletes_one_by_one_what_is_longest_unused_and_least_used() -> None:
    records = [
        _record("often", usage_count=9, last_used=100 * SECOND),
        _record("lately", usage_count=9, last_used=900 * SECOND),
        _record("never", usage_count=0, last_used=None),
        _record("once", usage_count=1, last_used=200 * SECOND),
        _record("of an image", shared=True),
    ]

    assert _ids(records, Pruning(max_used_space=41)) == []
    assert _ids(records, Pruning(max_used_space=40)) == ["never"]
    assert _ids(records, Pruning(max_used_space=30)) == ["never", "once"]
    assert _ids(records, Pruning(max_used_space=1, reserved_space=30)) == ["never", "once"]
    assert _ids(records, Pruning(reserved_space=1)) == ["never", "once", "often", "lately"]


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 9)), max_size=12), st.integers(0, 60)
)
def test_no_record_goes_before_its_children_or_beyond_the_bound(
    made: list[tuple[bool, int, int]], bound: int
) -> None:
    records = [
        _record(str(n), in_use=used, usage_count=count, parents=(str(n - back),) if 0 < back <= n else ())
        for n, (used, back, count) in enumerate(made)
    ]
    parents_in_use = {parent for record in records if record.in_use for parent in record.parents}
    records = [replace(r, in_use=True) if r.id in parents_in_use else r for r in records]

    gone = planned(records, None, Pruning(max_used_space=bound), now=NOW)

    order = {record.id: place for place, record in enumerate(gone)}
    for record in records:
        for parent in record.parents:
            if parent in order:
                assert order.get(record.id, len(order)) < order[parent]
    left = 10 * (len(records) - len(gone))
    assert not gone or not bound or left + 10 >= bound


def test_only_the_daemon_knows_its_disk() -> None:
    assert "--min-free-space" in str(refused(lambda: Pruning(min_free_space=1).check_plan()))


@given(
    st.lists(st.tuples(st.integers(0, 4), st.none() | st.integers(1, 9)), min_size=1, max_size=12),
    st.integers(1, 130),
)
def test_the_next_to_go_is_the_one_that_ranks_recomputed_each_time_put_first(
    uses: list[tuple[int, int | None]], bound: int
) -> None:
    records = [_record(str(n), usage_count=count, last_used=last) for n, (count, last) in enumerate(uses)]

    left, expected = list(records), []
    while left and 10 * len(left) >= bound:
        expected.append(_next(left))
        left = [record for record in left if record.id != expected[-1]]

    assert _ids(records, Pruning(max_used_space=bound)) == expected


def _next(records: Sequence[CacheRecord]) -> str:
    """Return the id of the first by last use and by count, as buildkitd ranks both over all that is left."""
    times = sorted({record.last_used or 0 for record in records} | {0})
    counts = sorted({record.usage_count for record in records} | {0})

    def weight(record: CacheRecord) -> float:
        by_time = (times.index(record.last_used or 0) + 1) / len(times)
        return by_time + (counts.index(record.usage_count) + 1) / len(counts)

    ordered = sorted(records, key=lambda record: (record.usage_count, record.last_used or 0))
    return min(ordered, key=weight).id
