"""The dashboard and the rules of examples/observability: metrics that there are, and alerts that fire."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.e2e.builder import write_tree
from tests.e2e.program import Program
from tests.servers import binaries
from tests.servers.buildkitd import start_buildkitd
from tests.servers.collector import started_collector
from tests.servers.ports import free_port

_FOLDER = Path(__file__).parents[2] / "examples" / "observability"
_RULES = _FOLDER / "rules.yaml"
_DASHBOARD: Mapping[str, Any] = json.loads((_FOLDER / "dashboard.json").read_text())


def promcheck(*files: Path, questions: Sequence[Mapping[str, object]] = ()) -> list[Any]:
    """Return what Prometheus makes of rules and queries; what it refuses fails."""
    done = subprocess.run(
        [binaries.promcheck(), *files],
        input="\n".join(map(json.dumps, questions)),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def panels() -> Iterator[Mapping[str, Any]]:
    return (panel for panel in _DASHBOARD["panels"] if panel["type"] != "row")


def dashboard_queries() -> list[str]:
    """Return the dashboard's queries with its variables filled in."""
    variables = {"$__rate_interval": "5m", "$__range": "24h", "$job": "buildkitd"}
    queries = [target["expr"] for panel in panels() for target in panel["targets"]]
    for name, value in variables.items():
        queries = [query.replace(name, value) for query in queries]
    return queries


def names_and_labels(exposition: str) -> dict[str, set[str]]:
    """Return the labels that each series has had, by its name; a native histogram's by the histogram's."""
    found = {name: set[str]() for name in re.findall(r"^# TYPE (\S+)", exposition, re.MULTILINE)}
    for name, labels in re.findall(r"^(\w+)(\{.*\})? ", exposition, re.MULTILINE):
        own = found.setdefault(name, set())
        own |= set(re.findall(r'(\w+)="', labels))
        base = re.sub(r"_(?:sum|count|bucket)$", "", name)
        if base in found:
            found[base] |= own - {"le"}
    return found


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The metrics of a real buildkitd, and ours as a real collector shows them, after builds of each kind."""
    scratch = tmp_path_factory.mktemp("observability")
    folder = write_tree(scratch / "context", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    port = free_port()
    config = f'[grpc]\n  debugAddress = "127.0.0.1:{port}"\n'
    with (
        started_collector(scratch / "collector") as collector,
        start_buildkitd(scratch / "buildkitd", config=config) as daemon,
    ):
        program = Program(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http})
        for words in (("-o", f"type=local,dest={scratch / 'out'}"), (), ("--target", "nope")):
            program.run("build", "--addr", f"a={daemon.address}", *words, folder)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            theirs = answer.read().decode()
        return names_and_labels(theirs) | names_and_labels(collector.metrics())


def test_every_metric_is_one_that_is_exported(exported: dict[str, set[str]]) -> None:
    rules = promcheck(_RULES)
    queries = promcheck(questions=[{"query": query} for query in dashboard_queries()])
    used = {name for each in (*rules, *queries) for name in each["metrics"]}
    known = {*exported, *(each["name"] for each in rules), "up"}  # which is Prometheus's own

    unknown = used - known

    assert {name for name in unknown if not name.startswith("kubelet_")} == set()
    # The kubelet shows these where a pod has a volume claim; here they are looked for in the program itself.
    kubelet = (binaries.kubectl().parent / "kubelet").read_bytes()
    assert unknown
    assert [name for name in unknown if name.removeprefix("kubelet_").encode() not in kubelet] == []
    assert {name for name in used if name.startswith("warmroute_")} == {
        name
        for name in exported
        if name.startswith("warmroute_") and not re.search("_(sum|count|seconds)$", name)
    }


def test_every_label_is_one_that_the_metric_has(exported: dict[str, set[str]]) -> None:
    of_target = {"instance", "job", "daemon", "le"}
    texts = [*dashboard_queries(), *(each["query"] for each in promcheck(_RULES))]
    selectors = {pair for text in texts for pair in re.findall(r"\b(\w+)\{([^}]*)\}", text)}

    wrong = {
        (name, label)
        for name, matchers in selectors
        if name in exported
        for label in re.findall(r"(\w+)(?:=~|!~|!=|=)", matchers)
        if label not in exported[name] | of_target
    }

    assert selectors
    assert wrong == set()


def test_the_dashboard_has_grafanas_own_shape() -> None:
    plugins.register_default_plugins()

    read = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(dict(_DASHBOARD))))

    assert lost(_DASHBOARD, read) == []


def lost(given: object, read: object, path: str = "") -> list[str]:
    """Return what Grafana's schema has no place for, or reads as something else."""
    match given, read:
        case dict(), dict():
            return [
                each
                for key, value in given.items()
                for each in (lost(value, read[key], f"{path}.{key}") if key in read else [f"{path}.{key}"])
            ]
        case list(), list() if len(given) == len(read):
            pairs = enumerate(zip(given, read, strict=True))
            return [each for number, (a, b) in pairs for each in lost(a, b, f"{path}[{number}]")]
        case _:
            return [] if given == read else [path]


def test_no_panel_lies_on_another() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in _DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in _DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def series(name: str, values: Sequence[float], **labels: str) -> Mapping[str, object]:
    return {"labels": {"__name__": name, **labels}, "values": list(values)}


def rising(by: float) -> list[float]:
    """A counter over 90 minutes."""
    return [by * minute for minute in range(91)]


def builds(by: float, **labels: str) -> Mapping[str, object]:
    return series("warmroute_builds_total", rising(by), **{"result": "ok", **labels})


def steps(cached: float) -> list[Mapping[str, object]]:
    """What a daemon of many builds counts, with this share of its steps cached."""
    return [
        series("buildkit_builds_total", rising(1), instance="a", status="success"),
        series("buildkit_builds_steps_total", rising(10 * cached), instance="a", kind="cached"),
        series("buildkit_builds_steps_total", rising(10), instance="a", kind="total"),
    ]


def volume(available: Sequence[float]) -> list[Mapping[str, object]]:
    claim = {"persistentvolumeclaim": "cache-buildkitd-0"}
    return [
        series("kubelet_volume_stats_available_bytes", available, **claim),
        series("kubelet_volume_stats_capacity_bytes", [100] * len(available), **claim),
    ]


_COLD = {"warmth": "cold", "home": "true"}
_WARM = {"warmth": "warm", "home": "true"}


@pytest.mark.parametrize(
    ("alert", "bad", "good"),
    [
        (
            "BuildsAreCold",
            [builds(1, **_COLD), builds(1, **_WARM)],
            [builds(0.1, **_COLD), builds(1, **_WARM)],
        ),
        # Of few builds it says nothing.
        ("BuildsAreCold", [builds(1, **_COLD)], [builds(0.1, **_COLD)]),
        (
            "BuildsAwayFromHome",
            [builds(1, warmth="warm", home="false"), builds(1, **_WARM)],
            [builds(1, **_WARM), builds(0.1, warmth="warm", home="false")],
        ),
        (
            "DaemonUnreachable",
            [series("warmroute_attempts_total", rising(1), daemon="a", outcome="unreached")],
            [series("warmroute_attempts_total", rising(1), daemon="a", outcome="ok")],
        ),
        (
            "DaemonOutOfRoom",
            [series("warmroute_attempts_total", rising(0.1), daemon="a", outcome="overload")],
            [series("warmroute_attempts_total", rising(0), daemon="a", outcome="overload")],
        ),
        ("NoDaemonTakesBuilds", [builds(0.2, result="no-daemon")], [builds(0.2, result="build")]),
        (
            "BuildkitdDown",
            [series("up", [1, 0], job="buildkitd", instance="a")],
            [series("up", [0, 1], job="buildkitd", instance="a")],
        ),
        (
            "BuildkitdFailsBuilds",
            [
                series("buildkit_builds_total", rising(1), instance="a", status="success"),
                series(
                    "buildkit_builds_total",
                    rising(1),
                    instance="a",
                    status="failure",
                    error_code="Unavailable",
                ),
            ],
            [
                series("buildkit_builds_total", rising(1), instance="a", status="success"),
                series(
                    "buildkit_builds_total", rising(1), instance="a", status="failure", error_code="Unknown"
                ),
            ],
        ),
        ("BuildkitdCacheIsCold", steps(0.02), steps(0.5)),
        ("BuildkitdDiskFull", volume([50, 5]), volume([5, 50])),
        ("BuildkitdDiskFillsUp", volume([90 - minute for minute in range(61)]), volume([30] * 61)),
    ],
)
def test_an_alert_fires_where_it_should_and_only_there(
    alert: str, bad: list[Mapping[str, object]], good: list[Mapping[str, object]]
) -> None:
    rules = {each["name"]: each["query"] for each in promcheck(_RULES)}
    query = rules[alert]
    for name, recorded in rules.items():  # what Prometheus has recorded by then
        query = query.replace(name, f"({recorded})") if ":" in name else query

    fires, is_silent = promcheck(questions=[{"query": query, "series": each} for each in (bad, good)])

    assert len(fires["result"]) == 1
    assert is_silent["result"] == []


def test_every_alert_is_tried_and_says_what_to_do() -> None:
    alerts = {
        rule["alert"]: rule
        for group in yaml.safe_load(_RULES.read_text())["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    (mark,) = (
        each
        for each in test_an_alert_fires_where_it_should_and_only_there.pytestmark  # type: ignore[attr-defined]
        if each.name == "parametrize"
    )

    assert {case[0] for case in mark.args[1]} == alerts.keys()
    assert all(rule["labels"]["severity"] in {"warning", "critical"} for rule in alerts.values())
    assert all(rule["annotations"]["summary"] for rule in alerts.values())
