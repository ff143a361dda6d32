"""What the status page shows, as JSON and as Prometheus reads it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from router.model.address import TcpAddress
from router.model.daemon import NOT_ASKED, Daemon, Place
from router.model.routing import Placement
from router.placement.order import order
from router.serving.watching.documents import builds_document, daemons_document
from router.serving.watching.lookout import Sight, Sights
from router.serving.watching.metrics import metrics_text
from router.serving.watching.ownership import ownership
from router.serving.watching.watched import BUCKETS, Counts, Picture, WatchedBuild


def _build(number: int, **more: object) -> WatchedBuild:
    known: dict[str, object] = {
        "ref": f"r{number}",
        "key": "app",
        "rule": "tag",
        "who": "me",
        "begun": 1000.0,
        "state": "completed",
        "daemon": "ash",
        "place": Place(number=1, home="ash"),
        "seconds": 2.0,
    }
    return WatchedBuild(number=number, **{**known, **more})  # type: ignore[arg-type]


def _daemon(name: str, **more: object) -> Daemon:
    return Daemon(name=name, address=TcpAddress(host=name), **more)  # type: ignore[arg-type]


def _document(*ended: WatchedBuild) -> dict[str, Any]:
    text = json.dumps(builds_document(Picture(in_flight=(), ended=ended, counts=Counts())))
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_cold_build_says_why_where_that_is_known() -> None:
    away = Place(number=2, home="birch", reason="busy")
    found = _document(
        _build(1, cached=0, total=9, first=True),
        _build(2, cached=0, total=9, place=away),
        _build(3, cached=0, total=9, missed="COPY . ."),
        _build(4, cached=8, total=9),
    )["ended"]

    assert [each["cold_because"] for each in found] == [
        "the first build of this key on ash that this endpoint has seen",
        "not at home (birch: busy)",
        "",
        "",
    ]
    assert [each["first_step_run"] for each in found] == ["", "", "COPY . .", ""]
    assert [each["warm"] for each in found] == [False, False, False, True]


def test_a_build_whose_steps_are_not_known_is_neither_warm_nor_cold() -> None:
    found = _document(_build(1), _build(2, state="failed", error="exit 1"))

    assert [each["warm"] for each in found["ended"]] == [None, None]
    assert found["summary"]["warm_share"] is None


def test_the_summary_is_of_builds_that_succeeded() -> None:
    built = [_build(number, seconds=float(number), cached=number % 2 * 8, total=9) for number in range(1, 11)]
    summary = _document(*built, _build(11, seconds=99.0, state="failed"))["summary"]

    assert summary == {
        "builds": 11,
        "warm_share": 0.5,
        "all": {"builds": 10, "p50": 5.0, "p95": 10.0},
        "warm": {"builds": 5, "p50": 5.0, "p95": 9.0},
        "cold": {"builds": 5, "p50": 6.0, "p95": 10.0},
    }


def test_a_daemon_of_a_list_is_ready_once_it_answers() -> None:
    sights = Sights(
        daemons=(
            Sight(daemon=_daemon("ash", state=NOT_ASKED), builds=3, disk=10, reclaimable=4),
            Sight(daemon=_daemon("birch", state=NOT_ASKED), error="connection refused"),
            Sight(daemon=_daemon("cedar", state=NOT_ASKED)),
        )
    )
    picture = Picture(in_flight=(_build(1, state="building"),), ended=(), counts=Counts())
    found = json.loads(json.dumps(daemons_document(sights, picture)))["daemons"]

    assert [(each["name"], each["state"], each["answers"]) for each in found] == [
        ("ash", "ready", True),
        ("birch", "unreachable", False),
        ("cedar", "not asked", False),
    ]
    assert (found[0]["builds"], found[0]["builds_from_here"], found[0]["disk_reclaimable"]) == (3, 1, 4)
    assert found[1]["detail"] == "connection refused"


@pytest.mark.parametrize("placement", ["ring", "rendezvous", "buildx"])
def test_keys_are_drawn_where_their_home_owns_the_circle(placement: Placement) -> None:
    daemons = [_daemon(name) for name in ("ash", "birch", "cedar")]
    keys = [f"team/app-{number}" for number in range(100)]
    owned = ownership(daemons, placement, keys)

    assert [(each.key, each.home) for each in owned.keys] == [
        (key, order(key, daemons, placement)[0].daemon.name) for key in keys
    ]
    for each in owned.keys:
        (owner,) = [name for begin, end, name in owned.stretches if begin <= each.at < end]
        assert owner == each.home
    assert sum(share for _, share in owned.shares) == pytest.approx(1.0)


def test_a_fleet_of_twins_owns_nothing_that_could_be_told() -> None:
    twins = [_daemon("ash", identity="same"), _daemon("birch", identity="same")]

    assert ownership(twins, "ring", ["app"]).keys == ()


def test_nobody_owns_anything_in_an_empty_fleet() -> None:
    assert ownership([], "rendezvous", ["app"]).stretches == ()


_SAMPLE = re.compile(r'(warmroute_serve_[a-z_]+)(\{[a-z]+="[^"\\]+"\})? ([0-9.e+]+)')


def test_prometheus_can_read_the_metrics() -> None:
    buckets = tuple(range(len(BUCKETS) + 1))
    counts = Counts(results={"completed": 3}, spills=2, seconds=12.5, buckets=buckets, cached=6, steps=9)
    text = metrics_text(counts)
    kinds: dict[str, str] = {}
    samples: dict[tuple[str, str], float] = {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in kinds
            kinds[name] = kind
        elif not line.startswith("# HELP "):
            found = _SAMPLE.fullmatch(line)
            assert found is not None, line
            samples[found[1], found[2] or ""] = float(found[3])

    assert text.endswith("\n")
    assert samples["warmroute_serve_builds_total", '{result="completed"}'] == 3
    assert samples["warmroute_serve_builds_total", '{result="lost"}'] == 0
    assert samples["warmroute_serve_steps_total", '{cached="false"}'] == 3
    assert all(name.endswith("_total") == (kind == "counter") for name, kind in kinds.items())
    bounds = [value for (name, _), value in samples.items() if name.endswith("_bucket")]
    assert bounds == sorted(bounds)
    assert bounds[-1] == samples["warmroute_serve_build_seconds_count", ""] == sum(buckets)
    assert samples["warmroute_serve_build_seconds_sum", ""] == 12.5
