"""What is counted of spans."""

from __future__ import annotations

import pytest

from router.telemetry.measures import INSTRUMENTS, Ended, Measure, measures
from router.tracing import Attribute


def counted(name: str, attributes: dict[str, Attribute], error: str = "") -> dict[str, Measure]:
    found = list(measures(Ended(name=name, attributes=attributes, seconds=2.5, error=error)))
    assert {measure.instrument for measure in found} <= INSTRUMENTS.keys()
    return {" ".join((each.instrument, *each.labels.values())): each for each in found}


@pytest.mark.parametrize(
    ("steps", "cached", "warmth"), [(4, 4, "warm"), (4, 1, "partial"), (4, 0, "cold"), (0, 0, "unknown")]
)
def test_a_build_is_as_warm_as_its_steps(steps: int, cached: int, warmth: str) -> None:
    found = counted(
        "build", {"warmroute.steps": steps, "warmroute.steps.cached": cached, "warmroute.place": 1}
    )

    assert found[f"warmroute.builds ok {warmth} true"].value == 1
    assert found[f"warmroute.build.duration ok {warmth}"].value == 2.5
    counts = {name: each.value for name, each in found.items() if each.instrument == "warmroute.build.steps"}
    expected = {"warmroute.build.steps true": cached, "warmroute.build.steps false": steps - cached}
    assert counts == {name: value for name, value in expected.items() if value}


def test_a_build_that_failed_counts_under_its_reason() -> None:
    assert "warmroute.builds no-daemon unknown " in counted("build", {}, "no-daemon")


@pytest.mark.parametrize(("place", "home"), [(1, "true"), (2, "false"), (0, "false")])
def test_an_attempt_counts_for_its_daemon(place: int, home: str) -> None:
    facts: dict[str, Attribute] = {"warmroute.daemon": "a", "warmroute.place": place}

    assert list(counted("attempt", facts)) == [f"warmroute.attempts ok {home} a"]
    for fault, outcome in (("unreached", "unreached"), ("overload", "overload"), ("final", "failed")):
        failed = facts | {"warmroute.fault": fault}
        assert list(counted("attempt", failed, "reason")) == [f"warmroute.attempts {outcome} {home} a"]


def test_a_transfer_counts_its_bytes_each_way() -> None:
    facts: dict[str, Attribute] = {"warmroute.transfer.sent": 70, "warmroute.transfer.received": 0}

    found = counted("moby.filesync.v1.FileSync/DiffCopy", facts)

    assert {name: each.value for name, each in found.items()} == {"warmroute.transfer.size sent": 70}


def test_other_spans_count_for_nothing() -> None:
    assert counted("list", {"warmroute.daemons": 3}) == {}
