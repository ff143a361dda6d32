"""Keys, rates and times from records of builds."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from router.model.mark import BuildMark
from router.model.record import BuildRecord, RecordedError, RecordedExporter
from router.simulation.recorded import recorded_keys

SECOND = 1_000_000_000
NOW = 10 * 3600 * SECOND


def build(
    hours_ago: float,
    key: str = "",
    *,
    took: float | None = 10,
    cached: int = 0,
    error: RecordedError | None = None,
    images: str = "",
    attrs: Mapping[str, str] | None = None,
) -> BuildRecord:
    created = NOW - int(hours_ago * 3600 * SECOND)
    return BuildRecord(
        ref=f"{hours_ago}-{key}",
        created=created,
        completed=None if took is None else created + int(took * SECOND),
        cached_steps=cached,
        total_steps=6,
        error=error,
        exporters=(RecordedExporter(type="image", attrs={"name": images}),) if images else (),
        attrs=attrs or {},
        mark=BuildMark(key=key) if key else None,
    )


def test_rates_are_by_the_time_that_each_daemon_remembers() -> None:
    busy = [build(1, "hot"), build(0.5, "hot"), build(0.25, "hot"), build(0.1, "rare")]
    idle = [build(4, "rare"), build(2, "rare")]

    found = recorded_keys([busy, idle], NOW)

    assert [key.key for key in found.keys] == ["hot", "rare"]
    assert [key.rate for key in found.keys] == pytest.approx([3.0, 1.5])
    assert (found.builds, found.nameless) == (6, 0)
    assert found.seconds == pytest.approx(4 * 3600)


def test_times_are_medians_of_builds_that_succeeded_cold_and_warm() -> None:
    failed = RecordedError(code=2, message="exit code: 1")
    history = [
        build(5, "app", took=70),
        build(4, "app", took=50, cached=1),
        build(3, "app", took=9, cached=4),
        build(2, "app", took=11, cached=4),
        build(1, "app", took=13, cached=2),
        build(1, "app", took=900, cached=2, error=failed),
        build(3, "new", took=42),
    ]

    app, new = recorded_keys([history], NOW).keys

    assert (app.cold, app.warm) == (60.0, 11.0)
    assert app.rate == pytest.approx(6 / 5)
    assert (new.cold, new.warm) == (42.0, None)


def test_builds_that_run_or_were_canceled_do_not_count() -> None:
    canceled = RecordedError(code=1, message="context canceled")
    history = [build(2, "app"), build(1, "app", took=None), build(1, "app", error=canceled)]

    found = recorded_keys([history], NOW)

    assert found.builds == 1
    assert found.keys[0].rate == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("images", "attrs", "key"),
    [
        ("app:1", {}, "docker.io/library/app"),
        ("example.com/team/app:1,example.com/other", {}, "example.com/team/app"),
        ("", {"context": "https://github.com/acme/shop.git#main:web"}, "github.com/acme/shop:web"),
        (
            "",
            {"vcs:source": "git@github.com:acme/shop.git", "vcs:localdir:context": "services/api"},
            "github.com/acme/shop:services/api",
        ),
    ],
)
def test_a_build_of_another_client_has_the_key_that_ours_would_have(
    images: str, attrs: Mapping[str, str], key: str
) -> None:
    found = recorded_keys([[build(1, images=images, attrs=attrs)]], NOW)

    assert [each.key for each in found.keys] == [key]


def test_a_build_without_a_name_is_counted_as_that() -> None:
    found = recorded_keys([[build(1), build(1, attrs={"vcs:localdir:context": "."})], []], NOW)

    assert (found.keys, found.builds, found.nameless) == ((), 0, 2)


def test_a_burst_of_a_moment_ago_makes_no_rate_that_is_past_belief() -> None:
    (key,) = recorded_keys([[build(0, "app"), build(0, "app")]], NOW).keys

    assert key.rate == 120.0  # as if in a minute
