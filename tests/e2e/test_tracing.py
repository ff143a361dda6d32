"""Traces and metrics of builds, in a real OpenTelemetry Collector that a real buildkitd exports to too."""

from __future__ import annotations

import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from router import BuildError, BuildRequest, BuildRouter, RouterConfig, open_telemetry
from router.placement.key import Key
from tests.addressed import addressed
from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.processes import Installed
from tests.e2e.program import Finished, Program
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.collector import Collector, Span, started_collector
from tests.servers.dockerd import Dockerd
from tests.servers.ports import free_port


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    with started_collector(tmp_path_factory.mktemp("collector")) as running:
        yield running


@pytest.fixture(scope="module")
def exporting(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Buildkitd]:
    """A daemon that sends its own spans to the collector too."""
    env = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": collector.grpc, "OTEL_BSP_SCHEDULE_DELAY": "50"}
    with start_buildkitd(tmp_path_factory.mktemp("buildkitd"), env=env) as daemon:
        yield daemon


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    # Each test's own: a step that is cached has no span.
    return write_tree(
        tmp_path / "context",
        {"Dockerfile": "FROM scratch\nARG TOKEN\nCOPY Dockerfile salt /\n", "salt": secrets.token_hex()},
    )


@dataclass(frozen=True, kw_only=True)
class Parent:
    """A span of a CI system's that the build is to hang under."""

    trace: str
    span: str

    @property
    def header(self) -> str:
        return f"00-{self.trace}-{self.span}-01"


@pytest.fixture
def parent() -> Parent:
    return Parent(trace=secrets.token_hex(16), span=secrets.token_hex(8))


def build(environment: dict[str, str], *words: str | Path) -> Finished:
    return Program(environment=environment).run("build", "--progress", "quiet", *words)


def awaited(collector: Collector, trace: str, *, until: Callable[[Sequence[Span]], bool]) -> list[Span]:
    """Return a trace's spans once they are all there: the daemon exports its own now and then."""
    ends = time.monotonic() + 20
    while not until(spans := collector.spans(trace)):
        assert time.monotonic() < ends, [(span.service, span.name) for span in spans]
        time.sleep(0.05)
    return spans


def has(*names: str) -> Callable[[Sequence[Span]], bool]:
    """Return what says whether spans are all there: each by its service, a blank, and its name."""
    return lambda spans: {*names} <= {f"{span.service} {span.name}" for span in spans}


def one(spans: Sequence[Span], service: str, name: str) -> Span:
    (found,) = (span for span in spans if (span.service, span.name) == (service, name))
    return found


_CALLS = tuple(f"moby.buildkit.v1.Control/{name}" for name in ("Solve", "Session", "Status"))
_SOLVE = _CALLS[0]


def test_the_daemons_spans_hang_under_ours_and_ours_under_the_variables(
    collector: Collector, exporting: Buildkitd, folder: Path, parent: Parent, tmp_path: Path
) -> None:
    output = f"type=local,dest={tmp_path / 'out'}"
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http, "TRACEPARENT": parent.header}

    done = build(environment, "--addr", f"one={exporting.address}", "-o", output, "--key", "app", folder)

    assert (done.code, done.stderr) == (0, "")
    all_of_them = has(
        "warmroute build", "buildkitd create history record", *map("buildkitd ".__add__, _CALLS)
    )
    spans = awaited(collector, parent.trace, until=all_of_them)
    by_id = {span.id: span for span in spans}
    root = one(spans, "warmroute", "build")
    attempt, solve = (one(spans, "warmroute", name) for name in ("attempt", "solve"))
    assert root.parent == parent.span
    assert {one(spans, "warmroute", name).parent for name in ("list", "attempt")} == {root.id}
    assert {one(spans, "warmroute", name).parent for name in ("dial", "solve")} == {attempt.id}
    assert one(spans, "buildkitd", _SOLVE).parent == solve.id
    calls = {span.name for span in spans if span.service == "buildkitd" and span.parent == solve.id}
    assert {*_CALLS} <= calls
    transfers = [span for span in spans if span.service == "warmroute" and "/DiffCopy" in span.name]
    assert {span.name for span in transfers} == {
        "moby.filesync.v1.FileSync/DiffCopy",
        "moby.filesync.v1.FileSend/DiffCopy",
    }
    # Each within the daemon's step that asked for it.
    assert all(by_id[span.parent].service == "buildkitd" for span in transfers)
    assert all(span.attributes["warmroute.transfer.whole"] for span in transfers)
    assert root.attributes["warmroute.key"] == "app"
    assert (root.attributes["warmroute.steps"], root.attributes["warmroute.steps.cached"]) == (1, 0)
    assert (attempt.attributes["warmroute.daemon"], attempt.attributes["warmroute.place"]) == ("one", 1)


@pytest.mark.parametrize("engine", ["builtin", "grpcio"])
def test_without_an_exporter_the_daemon_still_learns_of_the_trace(
    collector: Collector, exporting: Buildkitd, folder: Path, parent: Parent, engine: str
) -> None:
    environment = {"TRACEPARENT": parent.header}

    done = build(environment, "--addr", exporting.address, "--grpc-engine", engine, folder)

    assert done.code == 0
    spans = awaited(collector, parent.trace, until=has(f"buildkitd {_SOLVE}"))
    assert {span.service for span in spans} == {"buildkitd"}
    assert one(spans, "buildkitd", _SOLVE).parent == parent.span


def test_buildctl_hangs_under_the_attempt(
    collector: Collector, exporting: Buildkitd, folder: Path, parent: Parent
) -> None:
    environment = {
        "PATH": f"{binaries.buildctl().parent}:{SEARCH_PATH}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.http,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "TRACEPARENT": parent.header,
    }

    done = build(environment, "--addr", exporting.address, "--backend", "buildctl", folder)

    assert done.code == 0
    spans = awaited(
        collector, parent.trace, until=has("warmroute build", "buildctl build", f"buildkitd {_SOLVE}")
    )
    by_id = {span.id: span for span in spans}
    above: Span | None = one(spans, "buildkitd", _SOLVE)
    names = []
    while above is not None:
        names.append((above.service, above.name))
        above = by_id.get(above.parent)
    assert names[-2:] == [("warmroute", "attempt"), ("warmroute", "build")]


def test_buildx_hangs_under_the_attempt(
    collector: Collector, dockerd: Dockerd, folder: Path, parent: Parent
) -> None:
    environment = {
        **dockerd.environment,
        "PATH": f"{binaries.docker().parent}:{SEARCH_PATH}",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.http,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "TRACEPARENT": parent.header,
    }

    done = build(environment, "--backend", "docker", folder)

    assert done.code == 0, done.stderr
    last = ("warmroute build", f"buildx build {folder}")
    spans = awaited(collector, parent.trace, until=has(*last))
    root = one(spans, "buildx", f"build {folder}")
    assert root.parent == one(spans, "warmroute", "attempt").id


def root_of(spans: Sequence[Span]) -> Span:
    return one(spans, "warmroute", "build")


def test_no_secret_leaves_the_machine(
    collector: Collector, exporting: Buildkitd, tmp_path: Path, parent: Parent
) -> None:
    secret = secrets.token_hex(12)
    folder = write_tree(tmp_path / "context", {"Dockerfile": f"FROM scratch\nARG TOKEN\n# {parent.trace}\n"})
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.http,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-token={secret}",
        "TRACEPARENT": parent.header,
        "PASSWORD": secret,
    }
    options = (
        *("--build-arg", f"TOKEN={secret}"),
        *("--secret", "id=p,env=PASSWORD"),
        *("--label", f"password={secret}"),
        *("--build-context", f"other=https://user:{secret}@127.0.0.1:9/x.git"),
        *("--cache-from", f"type=s3,region=x,bucket=y,access_key_id=z,secret_access_key={secret}"),
        *("--key", f"https://user:{secret}@example.com/x"),
    )

    build(environment, "--addr", exporting.address, *options, folder)

    spans = awaited(collector, parent.trace, until=has("warmroute build"))
    assert root_of(spans).attributes["warmroute.build_args"] == ["TOKEN"]
    ours = [span for span in spans if span.service == "warmroute"]
    assert secret not in repr(ours)
    assert secret not in collector.metrics()


def test_a_failed_build_and_a_daemon_that_could_not_be_reached_are_errors_in_the_trace(
    collector: Collector, exporting: Buildkitd, folder: Path, parent: Parent
) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http, "TRACEPARENT": parent.header}
    addresses = (("dead", f"tcp://127.0.0.1:{free_port()}"), ("live", exporting.address))
    router = BuildRouter(RouterConfig(addresses=addressed(*addresses)), environment={})
    routes = router.routes([Key.own(str(number)) for number in range(50)])
    key = next(route.key.key for route in routes if route.home is not None and route.home.name == "dead")
    fleet = [word for name, address in addresses for word in ("--addr", f"{name}={address}")]

    done = build(environment, *fleet, "--key", key, "--target", "nope", folder)

    assert done.code == 1
    spans = awaited(collector, parent.trace, until=has("warmroute build"))
    attempts = {span.attributes["warmroute.daemon"]: span for span in spans if span.name == "attempt"}
    faults = {name: span.attributes["warmroute.fault"] for name, span in attempts.items()}
    assert faults == {"dead": "unreached", "live": "final"}
    assert "connection refused" in attempts["dead"].message
    assert {span.status for span in attempts.values()} == {2}
    assert (root_of(spans).status, root_of(spans).attributes["warmroute.reason"]) == (2, "build")


def test_metrics_of_builds_add_up_in_the_collector(
    collector: Collector, exporting: Buildkitd, folder: Path
) -> None:
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.grpc,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
        "OTEL_SERVICE_NAME": "metrics-test",
    }

    for _ in range(3):
        assert build(environment, "--addr", f"m={exporting.address}", folder).code == 0
    assert build(environment, "--addr", f"m={exporting.address}", "--target", "nope", folder).code == 1

    counted = {
        re.sub(r'(?:job|otel_scope_\w+)="[^"]*",?', "", name).replace(",}", "}"): float(value)
        for name, value in re.findall(
            r'^(\w+\{.*job="metrics-test".*\}) (\S+)$', collector.metrics(), re.MULTILINE
        )
    }
    assert counted['warmroute_builds_total{home="true",result="ok",warmth="cold"}'] == 1
    assert counted['warmroute_builds_total{home="true",result="ok",warmth="warm"}'] == 2
    assert counted['warmroute_builds_total{home="",result="build",warmth="unknown"}'] == 1
    assert counted['warmroute_build_steps_total{cached="false"}'] == 1
    assert counted['warmroute_build_steps_total{cached="true"}'] == 2
    assert counted['warmroute_attempts_total{daemon="m",home="true",outcome="ok"}'] == 3
    assert counted['warmroute_attempts_total{daemon="m",home="true",outcome="failed"}'] == 1
    assert counted['warmroute_build_duration_seconds_count{result="ok",warmth="warm"}'] == 2
    assert counted['warmroute_transfer_size_bytes_total{direction="sent"}'] > 0


@pytest.fixture
def silent() -> Iterator[str]:
    """An endpoint that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@pytest.fixture
def slow(tmp_path: Path, busybox: str) -> Path:
    """A context whose build says something and then sleeps."""
    dockerfile = f"FROM {busybox}\nRUN echo begun-{secrets.token_hex(4)}; sleep 100\n"
    return write_tree(tmp_path / "slow", {"Dockerfile": dockerfile})


def test_an_interrupted_build_ends_in_time_and_is_in_the_trace(
    collector: Collector, exporting: Buildkitd, slow: Path, parent: Parent
) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http, "TRACEPARENT": parent.header}

    interrupted(Installed(environment=environment), exporting, slow)

    root = root_of(awaited(collector, parent.trace, until=has("warmroute build")))
    assert root.attributes["error.type"] == "CancelledError"
    assert root.attributes["warmroute.reason"] == "cancelled"


def test_an_interrupted_build_does_not_wait_for_a_silent_collector(
    exporting: Buildkitd, slow: Path, silent: str
) -> None:
    interrupted(Installed(environment={"OTEL_EXPORTER_OTLP_ENDPOINT": silent}), exporting, slow)


def interrupted(program: Installed, daemon: Buildkitd, folder: Path) -> None:
    words = ("--addr", daemon.address, "--progress", "plain", folder)
    with program.started("build", *words) as running:
        running.read_until(b" begun-")
        running.signal(signal.SIGINT)

        assert running.wait(within=2.0) == 130


def test_a_library_exports_the_builds_of_a_context_when_it_is_left(
    collector: Collector,
    exporting: Buildkitd,
    folder: Path,
    parent: Parent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.http)
    config = RouterConfig(addresses=addressed(("one", exporting.address)))
    environment = {"PATH": SEARCH_PATH, "HOME": str(folder.parent)}
    threads = threading.active_count()

    with open_telemetry({"OTEL_TRACES_EXPORTER": "otlp", "TRACEPARENT": parent.header}) as telemetry:
        router = BuildRouter(config, environment=environment, span=telemetry.span)
        with pytest.raises(BuildError):
            router.build(BuildRequest(context=str(folder), target="nope"))
        router.build(BuildRequest(context=str(folder)))
        assert "warmroute" not in {span.service for span in collector.spans(parent.trace)}

    spans = awaited(collector, parent.trace, until=has("warmroute build"))
    builds = [span for span in spans if (span.service, span.name) == ("warmroute", "build")]
    assert [span.status for span in builds] == [2, 0]
    assert {span.parent for span in builds} == {parent.span}
    assert telemetry.problems == ()
    assert threading.active_count() == threads


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_a_collector_that_is_silent_delays_the_end_by_two_seconds_and_says_nothing(
    buildkitd: Buildkitd, folder: Path, silent: str, protocol: str
) -> None:
    without = build({}, "--addr", buildkitd.address, folder)
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": silent, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}

    done = build(environment, "--addr", buildkitd.address, folder)

    assert (done.code, done.stderr) == (0, "")
    # Two for the export; what is left allows for loading the SDK on a busy machine.
    assert done.seconds < without.seconds + 2 + 8


def test_a_collector_that_is_not_there_is_told_of_to_who_asks(buildkitd: Buildkitd, folder: Path) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{free_port()}"}

    quiet = build(environment, "--addr", buildkitd.address, folder)
    verbose = Program(environment=environment).run(
        "build", "-v", "--progress", "plain", "--addr", buildkitd.address, folder
    )

    assert (quiet.code, quiet.stderr) == (0, "")
    assert verbose.code == 0
    told = [line for line in verbose.stderr.splitlines() if "could not be exported" in line]
    assert [line[: line.index(" could")] for line in told] == [
        "warmroute: the trace",
        "warmroute: the metrics",
    ]
    assert "Traceback" not in verbose.stderr


_WITHOUT_SDK = "import sys; sys.modules['opentelemetry'] = None; from cli.main import run; run()"


@pytest.mark.parametrize(("words", "told"), [((), 0), (("-v",), 1)])
def test_without_the_sdk_a_build_succeeds_and_tells_who_asks(
    buildkitd: Buildkitd, folder: Path, words: tuple[str, ...], told: int
) -> None:
    argv = [sys.executable, "-c", _WITHOUT_SDK, "build", "--progress", "plain", *words]
    environment = {
        "PATH": SEARCH_PATH,
        "HOME": "/nonexistent",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }

    done = subprocess.run(
        [*argv, "--addr", buildkitd.address, folder],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0
    assert done.stderr.count("-m pip install 'opentelemetry-sdk>=1.30' ") == told


@pytest.mark.parametrize(
    "variables",
    [
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
        {"OTEL_SERVICE_NAME": "ci", "OTEL_RESOURCE_ATTRIBUTES": "a=b"},
        {"TRACEPARENT": "nonsense"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_SAMPLER": "no such thing"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense", "OTEL_EXPORTER_OTLP_HEADERS": "===,\n"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://127.0.0.1:9", "OTEL_EXPORTER_OTLP_CERTIFICATE": "/none"},
    ],
)
def test_whatever_the_variables_say_a_build_succeeds_in_silence(
    buildkitd: Buildkitd, folder: Path, variables: dict[str, str]
) -> None:
    done = build(variables, "--addr", buildkitd.address, folder)

    assert (done.code, done.stderr) == (0, "")


def test_a_bake_has_a_trace_of_each_target(
    collector: Collector, exporting: Buildkitd, tmp_path: Path, parent: Parent
) -> None:
    definition = """
    target "both" {
      matrix = { n = ["api", "web"] }
      name = n
      dockerfile-inline = "FROM scratch\\nLABEL n=${n}"
      tags = ["${n}:1"]
    }
    """
    write_tree(tmp_path, {"docker-bake.hcl": definition})
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.http, "TRACEPARENT": parent.header}
    words = ("bake", "--progress", "quiet", "--addr", f"one={exporting.address}", "api", "web")

    done = Program(environment=environment).run(*words, cwd=tmp_path)

    assert (done.code, done.stderr) == (0, "")
    spans = awaited(
        collector, parent.trace, until=lambda found: [each.name for each in found].count("build") == 2
    )
    builds = [span for span in spans if (span.service, span.name) == ("warmroute", "build")]
    assert {span.parent for span in builds} == {parent.span}
    assert {span.attributes["warmroute.key"].rpartition("/")[2] for span in builds} == {"api", "web"}
