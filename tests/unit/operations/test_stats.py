"""What a fleet's builds come to."""

from __future__ import annotations

import pytest

from router.address import parse_address
from router.model.daemon import Daemon
from router.model.mark import BuildMark
from router.model.record import BuildRecord, RecordedError, RecordedExporter
from router.operations.records import DaemonRecord
from router.operations.stats import BuildStats, StatsBy, build_stats

ASH, BIRCH = (
    Daemon(name=name, address=parse_address(f"tcp://{name}.test:1234")) for name in ("ash", "birch")
)
SECOND = 1_000_000_000
HOME = BuildMark(key="app")


def built(
    mark: BuildMark | None, seconds: float, cached: int, *, at: float = 0, daemon: Daemon = ASH
) -> DaemonRecord:
    begun = int(at * SECOND)
    name = mark.key if mark is not None else "other"
    return DaemonRecord(
        daemon=daemon,
        record=BuildRecord(
            ref="r",
            created=begun,
            completed=begun + int(seconds * SECOND),
            exporters=(RecordedExporter(type="image", attrs={"name": f"{name}:1,{name}:2"}),),
            cached_steps=cached,
            total_steps=10,
            mark=mark,
        ),
    )


FAILED = DaemonRecord(
    daemon=ASH,
    record=BuildRecord(ref="f", created=0, completed=1, error=RecordedError(code=2, message="exit code: 1")),
)
RUNNING = DaemonRecord(daemon=ASH, record=BuildRecord(ref="n", created=0))
BUILDS = (
    built(HOME, 60, 0),
    built(HOME, 10, 9),
    built(BuildMark(key="app", place=2), 20, 8, daemon=BIRCH),
    built(BuildMark(key="site", attempt=2), 30, 0, daemon=BIRCH),
    built(None, 5, 10),
    FAILED,
    RUNNING,
)


def test_all_builds_come_to_one_row() -> None:
    assert build_stats(BUILDS, "all") == (
        BuildStats(
            name="",
            builds=5,
            warm=3,
            failed=1,
            running=1,
            spills=1,
            failovers=1,
            p50_warm=10.0,
            p95_warm=20.0,
            p50_cold=30.0,
            p95_cold=60.0,
            saved=90.0,  # 60 - 10 and 60 - 20; of a build without a key nothing is known
        ),
    )


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("key", {"app": 3, "": 1, "site": 1}),
        ("daemon", {"ash": 3, "birch": 2}),
        ("image", {"app:1": 3, "other:1": 1, "site:1": 1, "": 0}),
    ],
)
def test_groups_have_a_row_each(by: StatsBy, rows: dict[str, int]) -> None:
    assert {row.name: row.builds for row in build_stats(BUILDS, by)} == rows


def test_the_group_with_most_builds_comes_first() -> None:
    assert [row.name for row in build_stats(BUILDS, "daemon")] == ["ash", "birch"]


def test_what_began_before_does_not_count() -> None:
    (row,) = build_stats([built(HOME, 1, 0, at=10), built(HOME, 1, 0, at=20)], "all", since=15 * SECOND)

    assert row.builds == 1


def test_how_much_is_warm_can_be_said() -> None:
    (row,) = build_stats(BUILDS, "all", warm_from=0.95)

    assert (row.warm, row.warm_share) == (2, 0.4)


def test_a_fleet_without_builds_has_a_row_without_times() -> None:
    assert build_stats([], "all") == (BuildStats(name=""),)
    assert build_stats([], "all")[0].warm_share is None


def test_a_base_that_all_share_makes_no_build_warm() -> None:
    (row,) = build_stats([built(HOME, 60, 2) for _ in range(5)], "all")

    assert (row.builds, row.warm, row.saved) == (5, 0, 0.0)


def test_what_was_saved_adds_up_over_daemons() -> None:
    builds = (built(HOME, 60, 0), built(HOME, 10, 9, daemon=BIRCH), built(HOME, 10, 9, daemon=BIRCH))

    assert (
        build_stats(builds, "all")[0].saved == sum(row.saved for row in build_stats(builds, "daemon")) == 100
    )
