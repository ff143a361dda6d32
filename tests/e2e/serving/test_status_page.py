"""The status page over real daemons: what it tells of real builds."""

from __future__ import annotations

import json
import re
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.serving.endpoints import Served, build_of, serving
from tests.servers.buildkitd import Buildkitd


@pytest.fixture
def served(buildkitd_three: tuple[Buildkitd, ...], tmp_path: Path) -> Iterator[Served]:
    """An endpoint over three daemons, and one that is not there."""
    with serving(buildkitd_three, tmp_path, unreachable=["gone"]) as endpoint:
        yield endpoint


def _text(served: Served, path: str) -> str:
    with urllib.request.urlopen(f"{served.status}{path}", timeout=30) as answer:
        return str(answer.read().decode())


def _until(look: Callable[[], Any]) -> Any:
    """Return what is seen as soon as there is something."""
    end = time.monotonic() + 60
    while not (found := look()):
        assert time.monotonic() < end, "it was not seen within a minute"
    return found


def _builds(served: Served) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_text(served, "/api/builds"))
    return found


def _daemons(served: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_text(served, "/api/daemons"))["daemons"]
    return found


def _output(tag: str) -> str:
    return f"--output=type=image,name={tag}"


def _dockerfile(base: str, *more: str) -> str:
    return "\n".join([f"FROM {base}", f"RUN echo {uuid.uuid4()}", "RUN true", *more])


def test_a_cold_and_a_warm_build_are_told_with_their_steps(served: Served, busybox: str) -> None:
    tag = served.tag_at("d0")
    home = served.home(tag)
    context = write_tree(served.scratch / "context", {"Dockerfile": _dockerfile(busybox)})
    for _ in range(2):
        served.buildctl(*build_of(context), _output(tag)).ok()

    def both_known() -> Any:
        found = _builds(served)
        return found if all(each["warm"] is not None for each in found["ended"]) else None

    found = _until(both_known)
    warm, cold = found["ended"]

    assert (warm["key"], warm["rule"], warm["daemon"], warm["place"]) == (
        tag.removesuffix(":dev"),
        "tag",
        home,
        1,
    )
    assert (warm["state"], warm["warm"], warm["cold_because"]) == ("completed", True, "")
    assert cold["warm"] is False
    assert cold["cold_because"] == f"the first build of this key on {home} that this endpoint has seen"
    assert 0 < warm["seconds"] <= found["summary"]["all"]["p95"]
    assert found["summary"]["warm_share"] == 0.5
    assert 0 < found["totals"]["steps_cached"] < found["totals"]["steps"]
    metrics = _text(served, "/metrics")
    assert 'warmroute_serve_builds_total{result="completed"} 2\n' in metrics
    assert re.search(r'warmroute_serve_steps_total\{cached="true"\} [1-9]', metrics)


def test_a_cold_build_of_a_known_key_says_which_step_ran_first(served: Served, busybox: str) -> None:
    tag = served.tag_at("d0")
    for number in range(2):
        text = _dockerfile(busybox, f"RUN echo number {number}")
        context = write_tree(served.scratch / f"context{number}", {"Dockerfile": text})
        served.buildctl(*build_of(context), _output(tag)).ok()

    def explained() -> Any:
        return [each for each in _builds(served)["ended"][:1] if each["first_step_run"]]

    (build,) = _until(explained)

    assert (build["warm"], build["cold_because"]) == (False, "")
    assert "RUN echo" in build["first_step_run"]


def test_a_build_in_flight_is_told_with_its_daemon_and_progress(served: Served, busybox: str) -> None:
    tag = served.tag_at("d0")
    with served.building(_dockerfile(busybox, "RUN sleep 600"), _output(tag)):

        def sleeping() -> Any:
            return [each for each in _builds(served)["in_flight"] if "sleep" in each["step"]]

        (build,) = _until(sleeping)
        (daemon,) = _until(
            lambda: [each for each in _daemons(served) if each["name"] == build["daemon"] and each["builds"]]
        )
        metrics = _text(served, "/metrics")

    assert (build["state"], build["daemon"], build["place"]) == ("building", served.home(tag), 1)
    assert 0 < build["steps_done"] < build["steps"]
    assert (daemon["state"], daemon["builds_from_here"]) == ("ready", 1)
    assert "warmroute_serve_in_flight 1\n" in metrics


def test_the_disk_of_daemons_is_told_and_one_that_is_gone_is_too(served: Served) -> None:
    def measured() -> Any:
        daemons = _daemons(served)
        there = [each for each in daemons if each["name"] != "gone"]
        return daemons if all(each["disk"] is not None for each in there) else None

    daemons = {each["name"]: each for each in _until(measured)}

    assert len(daemons) == 4
    assert all(
        each["disk"] >= each["disk_reclaimable"] for each in daemons.values() if each["name"] != "gone"
    )
    assert (daemons["gone"]["state"], daemons["gone"]["answers"]) == ("unreachable", False)
    assert "refused" in daemons["gone"]["detail"]


def test_a_build_whose_home_is_gone_is_a_failover(served: Served, context: Path) -> None:
    tag = served.tag_at("gone")
    served.buildctl(*build_of(context), _output(tag)).ok()
    (build,) = _builds(served)["ended"]

    assert (build["home"], build["place"], build["away_because"]) == ("gone", 2, "unreachable")
    assert "warmroute_serve_failovers_total 1\n" in _text(served, "/metrics")


def test_a_build_that_fails_and_one_that_is_given_up_are_told_apart(served: Served, busybox: str) -> None:
    context = write_tree(served.scratch / "context", {"Dockerfile": _dockerfile(busybox, "RUN exit 7")})
    assert served.buildctl(*build_of(context), _output(served.tag_at("d0"))).code != 0
    with served.building(_dockerfile(busybox, "RUN sleep 600"), _output(served.tag_at("d0"))) as client:
        _until(lambda: [each for each in _builds(served)["in_flight"] if "sleep" in each["step"]])
        client.process.kill()
        canceled, failed = _until(lambda: found if len(found := _builds(served)["ended"]) == 2 else None)

    assert (failed["state"], canceled["state"]) == ("failed", "canceled")
    assert "exit code: 7" in failed["error"]
