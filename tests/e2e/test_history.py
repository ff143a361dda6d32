"""`warmroute history`, `ps` and `logs`, beside buildx's and buildctl's on the same daemons."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.builder import SEARCH_PATH, tar_files, wait_until_idle, write_tree
from tests.e2e.processes import BIN, Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.dockerd import Dockerd
from tests.servers.ports import free_port

DOCKERFILE = """\
FROM {base} AS good
RUN echo hello > /a
FROM good AS slow
RUN echo begun; sleep 30
FROM good AS bad
RUN echo words; exit 7
"""


@pytest.fixture(scope="module")
def daemons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Buildkitd, Buildkitd]]:
    """Two daemons that nobody else builds on."""
    one, two = (tmp_path_factory.mktemp(name) for name in ("one", "two"))
    with start_buildkitd(one) as first, start_buildkitd(two) as second:
        yield first, second


@pytest.fixture(scope="module")
def context(busybox: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {"Dockerfile": DOCKERFILE.format(base=busybox)}
    return write_tree(tmp_path_factory.mktemp("context"), files)


@pytest.fixture
def warmroute(daemons: tuple[Buildkitd, Buildkitd]) -> Installed:
    return fleet(*daemons)


def fleet(*daemons: Buildkitd, **more: str) -> Installed:
    named = [f"{name}={daemon.address}" for name, daemon in zip(("one", "two"), daemons, strict=False)]
    return Installed(environment={"WARMROUTE_ADDR": "\n".join([*named, *more.values()]), "USER": "ann"})


@pytest.fixture(scope="module")
def refs(
    daemons: tuple[Buildkitd, Buildkitd], context: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The ids of builds that are over: good ones on both daemons, and one that failed."""
    folder = tmp_path_factory.mktemp("refs")
    found = {}
    builds = [("first", 0, "good"), ("second", 1, "good"), ("again", 1, "good"), ("failed", 0, "bad")]
    for name, number, target in builds:
        path, metadata = folder / name, folder / f"{name}.json"
        options = (
            "--target",
            target,
            "--provenance=mode=max",
            "--ref-file",
            path,
            "--metadata-file",
            metadata,
        )
        output = ("-t", f"example.com/{name}:1", "--output", f"type=oci,dest={folder}/image")
        ran = fleet(daemons[number]).run("build", *options, *output, "--key", f"key-{name}", context)
        assert ran.code == (target == "bad"), ran.stderr
        if target == "good":
            found[name] = json.loads(metadata.read_text())["buildx.build.ref"].rpartition("/")[2]
    failed = fleet(daemons[0]).ok("history", "ls", "--failed", "--format", "json").json
    return {**found, "failed": failed[0]["ref"]}


@pytest.fixture(scope="module")
def buildx(daemons: tuple[Buildkitd, Buildkitd], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """buildx with both daemons as nodes of one builder."""
    home = tmp_path_factory.mktemp("buildx")
    environment = {"PATH": SEARCH_PATH, "HOME": str(home), "DOCKER_CONFIG": str(home)}

    def run(*args: str) -> str:
        argv = [str(binaries.buildx()), *args]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=True)
        return done.stdout + done.stderr if args[:2] == ("history", "logs") else done.stdout

    for more, daemon in zip(([], ["--append"]), daemons, strict=True):
        run("create", "--use", "--name", "both", "--driver", "remote", *more, daemon.address)
    return run


def test_the_list_is_that_of_buildx_and_buildctl(
    warmroute: Installed, refs: dict[str, str], buildx: Any, daemons: tuple[Buildkitd, Buildkitd]
) -> None:
    ours = {each["ref"]: each for each in warmroute.ok("history", "ls", "--format", "json").json}
    theirs = [json.loads(line) for line in buildx("history", "ls", "--format", "json").splitlines()]

    assert len(theirs) >= len(refs)
    for each in theirs:
        own = ours[each["ref"].rpartition("/")[2]]
        for name in ("total_steps", "completed_steps", "cached_steps"):
            assert own[name] == each[name]
        assert own["status"] == each["status"].lower()
        assert own["created_at"][:26] == each["created_at"][:26].rstrip("Z").ljust(26, "0")[:26]
    listed = set()
    for daemon in daemons:
        argv = [str(binaries.buildctl()), "--addr", daemon.address, "debug", "histories"]
        table = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=True).stdout
        listed |= {line.split()[1] for line in table.splitlines()[1:]}
    assert set(ours) == listed


def test_each_build_is_listed_with_its_key_place_and_daemon(
    warmroute: Installed, refs: dict[str, str]
) -> None:
    listed = warmroute.ok("history", "ls", "--format", "json", "--key", "key-again").json
    (build,) = [each for each in listed if each["ref"] == refs["again"]]
    facts = {name: build[name] for name in ("daemon", "key", "rule", "place", "attempt", "images")}
    assert facts == {
        "daemon": "two",
        "key": "key-again",
        "rule": "key",
        "place": 1,
        "attempt": 1,
        "images": ["example.com/again:1"],
    }
    assert build["started_by"].startswith("ann@")


def plain_lines(text: str) -> set[str]:
    """Return the lines of steps without their numbers and times, in which no two runs agree."""
    return {line.partition(" ")[2].rpartition(" ")[0] for line in text.splitlines() if line.startswith("#")}


@pytest.mark.parametrize("which", ["first", "failed"])
def test_a_build_that_is_over_is_shown_again_as_buildx_shows_it(
    warmroute: Installed, refs: dict[str, str], buildx: Any, which: str
) -> None:
    ours = warmroute.ok("history", "logs", refs[which][:20], "--progress", "plain").stderr
    theirs = buildx("history", "logs", refs[which], "--progress", "plain")

    assert "[good 2/2] RUN echo hello > /a" in ours
    assert plain_lines(ours) == plain_lines(theirs)


def test_the_log_of_a_build_that_is_over_comes_as_json_too(
    warmroute: Installed, refs: dict[str, str]
) -> None:
    lines = warmroute.ok("logs", refs["failed"], "--progress", "rawjson").stderr.splitlines()
    names = [vertex["name"] for line in lines for vertex in json.loads(line).get("vertexes", ())]
    assert "[bad 1/1] RUN echo words; exit 7" in names


def test_a_build_is_inspected_as_buildx_inspects_it(
    warmroute: Installed, refs: dict[str, str], buildx: Any
) -> None:
    ours = warmroute.ok("history", "inspect", refs["first"], "--format", "json").json
    theirs = json.loads(buildx("history", "inspect", refs["first"], "--format", "json"))

    assert ours["ref"] == theirs["Ref"]
    assert ours["name"] == theirs["Name"]
    assert ours["options"]["target"] == theirs["Target"] == "good"
    assert [(each["uri"], each["digests"]) for each in ours["materials"]] == [
        (each["URI"], each["Digests"]) for each in theirs["Materials"]
    ]
    assert {each["digest"] for each in ours["attachments"]} == {
        each["Digest"] for each in theirs["Attachments"]
    }
    steps = theirs["NumCompletedSteps"], theirs["NumTotalSteps"], theirs["NumCachedSteps"]
    assert (ours["completed_steps"], ours["total_steps"], ours["cached_steps"]) == steps
    attached = warmroute.ok("history", "inspect", refs["first"], "--attachment", "provenance").stdout
    assert json.loads(attached) == json.loads(
        buildx("history", "inspect", "attachment", "--type", "provenance", refs["first"])
    )


def test_a_failure_is_inspected_with_the_lines_of_its_source_and_its_log(
    warmroute: Installed, refs: dict[str, str], buildx: Any
) -> None:
    ours = warmroute.ok("history", "inspect", refs["failed"], "--format", "json").json["error"]
    theirs = json.loads(buildx("history", "inspect", refs["failed"], "--format", "json"))["Error"]
    shown = warmroute.ok("history", "inspect", refs["failed"]).stdout

    assert (ours["code"], ours["message"]) == (theirs["Code"], theirs["Message"])
    assert (ours["step"], ours["log"]) == (theirs["Name"], ["words"])
    assert ours["source"].startswith("Dockerfile:6\n")
    assert "   6 | >>> RUN echo words; exit 7" in shown
    assert "Status:         Error" in shown


def test_there_are_only_the_attachments_that_there_are(warmroute: Installed, refs: dict[str, str]) -> None:
    ran = warmroute.run("history", "inspect", refs["first"], "--attachment", "sbom")
    assert ran.code == 2
    assert 'has no attachment "sbom"' in ran.stderr
    assert "https://slsa.dev/provenance/v1" in ran.stderr


def pinned(warmroute: Installed, ref: str) -> bool:
    return bool(warmroute.ok("history", "inspect", ref, "--format", "json").json["pinned"])


def test_a_record_is_pinned_and_unpinned_and_removed(
    warmroute: Installed, daemons: tuple[Buildkitd, Buildkitd], context: Path
) -> None:
    made = []
    for daemon in daemons:
        fleet(daemon).ok("build", "--target", "good", context)
        made.append(fleet(daemon).ok("history", "ls", "--limit", "1", "--format", "json").json[0]["ref"])
    keep, drop = made

    assert warmroute.ok("history", "pin", keep[:20]).stdout == f"pinned {keep} on one\n"
    assert pinned(warmroute, keep)
    buildctl = [str(binaries.buildctl()), "--addr", daemons[0].address, "debug", "histories"]
    table = subprocess.run(buildctl, capture_output=True, text=True, timeout=30, check=True).stdout
    assert next(line for line in table.splitlines() if keep in line).endswith("*")
    warmroute.ok("history", "unpin", keep)
    assert not pinned(warmroute, keep)

    removed = warmroute.ok("history", "rm", keep, drop).stdout
    assert sorted(removed.splitlines()) == sorted([f"removed {keep} on one", f"removed {drop} on two"])
    left = {each["ref"] for each in warmroute.ok("history", "ls", "--format", "json").json}
    assert not left & {keep, drop}


def test_to_remove_all_leaves_what_is_pinned_and_what_runs(buildkitd: Buildkitd, context: Path) -> None:
    warmroute = fleet(buildkitd)
    warmroute.ok("build", "--target", "good", context)
    kept = warmroute.ok("history", "ls", "--limit", "1", "--format", "json").json[0]["ref"]
    warmroute.ok("history", "pin", kept)
    warmroute.ok("build", "--target", "good", context)

    warmroute.ok("history", "rm", "--all", "--force")

    left = [each["ref"] for each in warmroute.ok("history", "ls", "--format", "json").json]
    warmroute.ok("history", "rm", kept)
    assert left == [kept]
    assert "REF and --all exclude each other" in warmroute.run("history", "rm", "--all", "x").stderr
    assert "no build is named" in warmroute.run("history", "rm").stderr


def test_the_trace_of_a_build_has_the_spans_that_buildx_finds(
    warmroute: Installed, refs: dict[str, str], buildx: Any
) -> None:
    ours = warmroute.ok("history", "trace", refs["second"], "--format", "json").json
    (theirs,) = json.loads(buildx("history", "trace", refs["second"]))["data"]
    shown = warmroute.ok("history", "trace", refs["second"]).stdout

    spans = [
        span for each in ours["resourceSpans"] for scope in each["scopeSpans"] for span in scope["spans"]
    ]
    assert {(span["spanId"], span["name"]) for span in spans} == {
        (span["spanID"], span["operationName"]) for span in theirs["spans"]
    }
    assert {span["traceId"] for span in spans} == {theirs["traceID"]}
    assert len(shown.splitlines()) == len(spans) + 1
    assert "  [good 2/2] RUN echo hello > /a" in shown


Archive = tuple[dict[str, Any], Callable[[str], Any]]


def opened(path: Path) -> Archive:
    """Return the index of an archive, and a function that returns a blob as JSON, by its digest."""
    files = tar_files(path.read_bytes())
    return json.loads(files["index.json"]), lambda digest: json.loads(
        files[f"blobs/{digest.replace(':', '/')}"]
    )


def exported(warmroute: Installed, path: Path, *refs: str) -> Archive:
    with path.open("wb") as file:
        argv = [str(BIN / "warmroute"), "history", "export", *refs]
        subprocess.run(argv, env=warmroute.variables, stdout=file, timeout=60, check=True)
    return opened(path)


def test_an_exported_build_is_the_archive_that_buildx_makes(
    warmroute: Installed, refs: dict[str, str], buildx: Any, tmp_path: Path
) -> None:
    for name in ("second", "failed"):
        index, blob = exported(warmroute, tmp_path / "ours", refs[name])
        buildx("history", "export", refs[name], "-o", str(tmp_path / "theirs"))
        their_index, their_blob = opened(tmp_path / "theirs")

        ours = blob(index["manifests"][0]["digest"])
        theirs = their_blob(their_index["manifests"][0]["digest"])
        # buildx leaves out a field of the trace that it doesn't know.
        assert ours["layers"][1:] == theirs["layers"][1:]
        assert ours["layers"][0]["mediaType"] == theirs["layers"][0]["mediaType"]
        record, their_record = blob(ours["config"]["digest"]), their_blob(theirs["config"]["digest"])
        assert record.pop("trace")["digest"] == ours["layers"][0]["digest"]
        assert their_record.pop("trace")
        assert record == their_record


def test_several_builds_are_exported_from_their_daemons_into_one_archive(
    warmroute: Installed, refs: dict[str, str], tmp_path: Path
) -> None:
    index, blob = exported(warmroute, tmp_path / "both", refs["first"], refs["second"])
    named = blob(index["manifests"][0]["digest"])["manifests"]
    assert [each["annotations"]["vnd.buildkit.history.reference"] for each in named] == [
        refs["first"],
        refs["second"],
    ]


def test_a_build_that_runs_is_listed_with_its_step_and_followed_to_its_end(
    warmroute: Installed, daemons: tuple[Buildkitd, Buildkitd], context: Path
) -> None:
    build = (
        "build",
        "--target",
        "slow",
        "--progress",
        "plain",
        "--key",
        "slow-key",
        "--no-cache-filter",
        "slow",
    )
    with fleet(daemons[1]).started(*build, context) as running:
        running.read_until(b"begun\n")
        (listed,) = warmroute.ok("ps", "--format", "json").json
        table = warmroute.ok("ps").stdout
        with warmroute.started("logs", listed["ref"], "--progress", "plain") as following:
            following.read_until(b"begun\n")
            running.process.terminate()
            assert following.wait(within=20) == 0
    wait_until_idle(daemons[1].address, within=10)

    assert (listed["key"], listed["daemon"], listed["place"]) == ("slow-key", "two", 1)
    assert listed["current_step"] == "[slow 1/1] RUN echo begun; sleep 30"
    assert 0 < listed["completed_steps"] < listed["total_steps"]
    assert table.splitlines()[0].split()[:3] == ["BUILD", "ID", "NAME"]
    assert f"ann@{listed['started_by'].partition('@')[2]}" in table
    assert warmroute.ok("ps", "--format", "json").json == []
    (over,) = warmroute.ok("history", "ls", "--key", "slow-key", "--format", "json").json
    assert over["status"] == "canceled"


def test_a_build_that_is_not_there_is_told_with_who_was_asked(
    warmroute: Installed, refs: dict[str, str]
) -> None:
    assert refs
    ran = warmroute.run("logs", "zzz")
    assert ran.code == 2
    assert 'no build "zzz" on one, two' in ran.stderr


def test_a_build_can_be_counted_back_from_the_latest(warmroute: Installed, refs: dict[str, str]) -> None:
    assert refs
    listed = warmroute.ok("history", "ls", "--format", "json").json
    latest = sorted(listed, key=lambda each: str(each["created_at"]), reverse=True)
    by_ref = warmroute.ok("logs", latest[1]["ref"], "--progress", "rawjson").stderr
    assert warmroute.ok("logs", "^1", "--progress", "rawjson").stderr == by_ref


def test_a_daemon_that_is_stopped_keeps_nobody_from_the_others(
    daemons: tuple[Buildkitd, Buildkitd], refs: dict[str, str]
) -> None:
    three = fleet(*daemons, gone=f"gone=tcp://127.0.0.1:{free_port()}")

    listed = three.run("history", "ls", "--format", "json")
    assert listed.code == 69
    assert refs["first"] in {each["ref"] for each in listed.json}
    assert three.run("ps").code == 69
    assert three.ok("logs", refs["first"], "--progress", "none").code == 0
    missing = three.run("logs", "zzz")
    assert missing.code == 69
    assert 'no build "zzz" on one, two; 1 of 3 daemons did not answer: gone' in missing.stderr


def test_the_latest_build_may_be_on_a_daemon_that_is_silent(
    daemons: tuple[Buildkitd, Buildkitd], context: Path
) -> None:
    fleet(*daemons).ok("build", "--target", "good", context)
    three = fleet(*daemons, gone=f"gone=tcp://127.0.0.1:{free_port()}")

    logs = three.run("logs", "--progress", "rawjson")
    trace = three.run("history", "trace", "--format", "json")

    assert "RUN echo hello > /a" in logs.stderr
    assert "resourceSpans" in trace.json
    for ran in (logs, trace):
        assert (ran.code, "ERROR: 1 of 3 daemons did not answer: gone\n" in ran.stderr) == (69, True)
    removed = three.run("history", "rm", "^1")
    assert removed.code == 69
    assert "the build before the last 1 may be on a daemon that did not answer: gone" in removed.stderr


def test_every_verb_ends_in_time_with_what_the_others_say_where_a_daemon_is_frozen(
    daemons: tuple[Buildkitd, Buildkitd], buildkitd: Buildkitd, refs: dict[str, str]
) -> None:
    three = fleet(*daemons, frozen=f"frozen={buildkitd.address}")
    deadline = ("--connect-timeout", "2")
    buildkitd.freeze()
    try:
        listed = three.run("history", "ls", "--limit", "0", "--format", "json", *deadline)
        running = three.run("ps", "--format", "json", *deadline)
        inspected = three.run("history", "inspect", refs["first"], "--format", "json", *deadline)
        missing = three.run("cancel", "zzz", *deadline)
    finally:
        buildkitd.thaw()

    assert (listed.code, running.code, inspected.code, missing.code) == (69, 69, 0, 69)
    assert set(refs.values()) <= {each["ref"] for each in listed.json}
    assert running.json == []
    assert inspected.json["ref"] == refs["first"]
    assert max(each.seconds for each in (listed, running, inspected, missing)) < 10
    assert "1 of 3 daemons did not answer: frozen" in listed.stderr


def test_an_engine_that_is_too_old_to_remember_builds_says_so_by_its_name(dockerd: Dockerd) -> None:
    engine = Installed(environment=dockerd.environment)
    for verb in (("ps",), ("history", "ls"), ("logs", "abc"), ("cancel", "--key", "a")):
        ran = engine.run(*verb)
        assert ran.code in {1, 69}, verb
        assert "docker" in ran.stderr
        assert "its BuildKit is older than 0.11" in ran.stderr
