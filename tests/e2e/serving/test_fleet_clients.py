"""What real clients ask of one builder, answered by three daemons and a fourth that is gone."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import stores
from tests.e2e.builder import SEARCH_PATH, tar_files, wait_until_idle, write_tree
from tests.e2e.processes import started
from tests.e2e.serving.endpoints import Buildx, Served, build_of, run, serving
from tests.e2e.stores import Stores
from tests.servers import binaries

NAMES = ("ash", "birch", "cedar")


@pytest.fixture(scope="module")
def three(busybox: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Three daemons with builds of their own."""
    with stores.started(tmp_path_factory.mktemp("stores"), NAMES, busybox) as found:
        for number, name in enumerate(NAMES):
            found.build(name, size=(number + 1) * 1_000_000)
        for name in NAMES:
            found.records(name)  # the first question after a build measures, which counts as a use
        yield found


@pytest.fixture(scope="module")
def fleet(three: Stores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An endpoint over them."""
    with serving(three.daemons, tmp_path_factory.mktemp("endpoint"), unreachable=("gone",)) as served:
        yield served


@pytest.fixture(scope="module")
def buildx(fleet: Served) -> Buildx:
    return Buildx(fleet)


def _histories(three: Stores) -> dict[str, tuple[str, ...]]:
    """Return the refs of each daemon, as buildctl lists them."""
    tables = {name: three.buildctl(name, "debug", "histories").splitlines()[1:] for name in NAMES}
    return {name: tuple(line.split()[1] for line in table) for name, table in tables.items()}


def _json_lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _summary(text: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w+):\s+([\d.]+\w+)$", text, re.MULTILINE))


def _workers(three: Stores, name: str) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = json.loads(
        three.buildctl(name, "debug", "workers", "--format", "{{json .}}")
    )
    return found


def test_buildx_sees_one_builder_with_the_platforms_of_all(buildx: Buildx, three: Stores) -> None:
    shown = buildx("inspect", "endpoint").stdout
    listed = buildx("ls", "--format", "json").stdout

    assert re.search(r"Status:\s+running", shown)
    assert re.search(r"BuildKit version:\s+v0\.32\.1", shown)
    (node,) = next(each for each in _json_lines(listed) if each["Name"] == "endpoint")["Nodes"]
    assert node["Status"] == "running"
    assert sorted(node["IDs"]) == sorted(worker["id"] for name in NAMES for worker in _workers(three, name))
    platforms = re.search(r"Platforms:\s+(.*)", shown)
    assert platforms is not None
    assert platforms[1].startswith("linux/amd64")


def test_buildctl_sees_the_workers_and_the_version(fleet: Served, three: Stores) -> None:
    workers = json.loads(fleet.buildctl("debug", "workers", "--format", "{{json .}}").ok().stdout)

    assert workers == [worker for name in NAMES for worker in _workers(three, name)]
    assert fleet.buildctl("debug", "info").ok().stdout == three.buildctl("ash", "debug", "info")


def test_the_disk_usage_is_the_sum_of_all_daemons(buildx: Buildx, fleet: Served, three: Stores) -> None:
    theirs = [record for name in NAMES for record in three.records(name)]
    by_buildctl = json.loads(fleet.buildctl("du", "--format", "{{json .}}").ok().stdout)
    by_buildx = _json_lines(buildx("du", "--format", "json").stdout)
    total = buildx("du").stdout

    assert {record["id"] for record in by_buildctl} == {record["id"] for record in theirs}
    assert sum(record["size"] for record in by_buildctl) == sum(record["size"] for record in theirs)
    assert sorted(record["ID"] for record in by_buildx) == sorted(record["id"] for record in theirs)
    whole = sum(record["size"] for record in theirs)
    assert float(_summary(total)["Total"][:-2]) == pytest.approx(whole / 1_000_000, rel=0.01)


def test_the_history_is_that_of_all_daemons(buildx: Buildx, fleet: Served, three: Stores) -> None:
    theirs = _histories(three)
    listed = _json_lines(buildx("history", "ls", "--format", "json").stdout)
    by_buildctl = fleet.buildctl("debug", "histories").ok().stdout

    assert all(theirs.values())
    refs = {ref for each in theirs.values() for ref in each}
    assert {each["ref"].rpartition("/")[2] for each in listed} == refs
    assert {each["status"] for each in listed} == {"Completed"}
    assert {line.split()[1] for line in by_buildctl.splitlines()[1:]} == refs


@pytest.mark.parametrize("name", NAMES)
def test_a_build_is_shown_from_the_daemon_that_has_it(
    buildx: Buildx, fleet: Served, three: Stores, name: str
) -> None:
    ref = _histories(three)[name][0]

    assert buildx("history", "logs", ref).stderr == _logs_of_one(three, name, ref)
    assert fleet.buildctl("debug", "logs", "--progress=plain", ref).ok().stdout == three.buildctl(
        name, "debug", "logs", "--progress=plain", ref
    )
    shown = json.loads(buildx("history", "inspect", "--format", "json", ref).stdout)
    assert shown == json.loads(three.buildx(name, "history", "inspect", "--format", "json", ref))
    provenance = buildx("history", "inspect", "attachment", "--type", "provenance", ref).stdout
    assert provenance == three.buildx(name, "history", "inspect", "attachment", "--type", "provenance", ref)
    assert json.loads(provenance)["buildDefinition"]["buildType"].startswith("https://")


def _logs_of_one(three: Stores, name: str, ref: str) -> str:
    three.buildx(name, "ls")  # makes the builder
    state = str(three.folder / f"buildx-{name}")
    environment = {"PATH": SEARCH_PATH, "HOME": state, "BUILDX_CONFIG": state}
    return run([binaries.buildx(), "--builder", name, "history", "logs", ref], environment).ok().stderr


def test_records_are_exported_whole(buildx: Buildx, fleet: Served, three: Stores) -> None:
    ref = _histories(three)["birch"][0]
    ours, theirs = fleet.scratch / "ours.dockerbuild", fleet.scratch / "theirs.dockerbuild"
    buildx("history", "export", "--finalize", "--output", ours, ref)
    three.buildx("birch", "history", "export", "--finalize", "--output", str(theirs), ref)

    found, expected = (set(_blobs(each)) for each in (ours, theirs))
    assert found == expected
    assert len(found) > 3


def _blobs(archive: Path) -> Sequence[str]:
    return [name for name in tar_files(archive.read_bytes()) if name.startswith("blobs/")]


def test_a_build_through_the_endpoint_has_its_provenance_in_the_metadata(
    buildx: Buildx, fleet: Served
) -> None:
    context = write_tree(fleet.scratch / "context", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    metadata = fleet.scratch / "metadata.json"
    tag = fleet.tag_at("birch")
    buildx("build", "--tag", tag, "--metadata-file", metadata, context)

    found = json.loads(metadata.read_text())
    assert found["buildx.build.provenance"]["buildType"].startswith("https://")
    ref = found["buildx.build.ref"].rpartition("/")[2]
    assert _json_lines(buildx("history", "ls", "--format", "json", "--filter", f"ref={ref}").stdout)


def test_a_build_that_runs_is_followed_and_its_time_is_told(
    buildx: Buildx, fleet: Served, three: Stores
) -> None:
    slow = f"FROM {three.base}\nRUN echo begun; sleep 15\n"
    argv = [str(binaries.buildctl()), "--addr", fleet.address, "debug", "monitor"]
    with started(argv, fleet.environment(), None) as monitor, fleet.building(slow) as building:
        monitor.read_until(b"event: STARTED ref:")
        building.read_until(b"begun")
        listed = buildx("history", "ls", "--format", "{{.Status}} {{.Duration}}").stdout.splitlines()
        building.signal(signal.SIGINT)
        monitor.read_until(b"event: COMPLETE ref:")

    status, duration = listed[0].split()
    assert status == "Running"
    assert re.fullmatch(r"\d+\.\ds\+", duration)


def test_two_clients_with_identities_of_their_own_hear_nothing_of_each_other(
    fleet: Served, three: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    ref_file = fleet.scratch / "ref"
    context = write_tree(fleet.scratch / "mine", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /mine\n"})
    fleet.buildctl(*build_of(context), f"--ref-file={ref_file}").ok()
    ref = ref_file.read_text()
    assert ref in {each for refs in _histories(three).values() for each in refs}

    def heard() -> bool:
        return ref in fleet.buildctl("debug", "histories").ok().stdout

    assert heard()
    monkeypatch.setattr(fleet.listener, "who", lambda: "somebody else")
    assert not heard()
    for refused in (
        fleet.buildctl("debug", "logs", ref),
        fleet.buildctl("debug", "ctl", "--pin", ref),
        fleet.buildctl("debug", "ctl", "--delete", ref),
    ):
        assert refused.code != 0
        assert f"no such job {ref}" in refused.stderr
    monkeypatch.undo()
    assert heard()


def test_a_record_is_removed_by_buildx(buildx: Buildx, three: Stores) -> None:
    three.build("cedar", size=123)
    before = _histories(three)
    new = _json_lines(three.buildx("cedar", "history", "ls", "--format", "json"))[0]["ref"].rpartition("/")[2]
    buildx("history", "rm", new)

    after = _histories(three)
    assert new in before["cedar"]
    assert after == before | {"cedar": tuple(ref for ref in before["cedar"] if ref != new)}


def test_a_prune_frees_every_daemon(buildx: Buildx, fleet: Served, three: Stores) -> None:
    for daemon in three.daemons.values():
        wait_until_idle(daemon.address, within=20)
    mounts = {name: three.records(name, "type==exec.cachemount") for name in NAMES}
    pruned = buildx("prune", "--all", "--force", "--filter", "type=exec.cachemount").stdout

    size = sum(record["size"] for each in mounts.values() for record in each)
    assert all(mounts.values())
    assert float(_summary(pruned)["Total"][:-2]) == pytest.approx(size / 1_000_000, rel=0.01)
    assert [three.records(name, "type==exec.cachemount") for name in NAMES] == [[], [], []]

    free = {each["id"] for name in NAMES for each in three.records(name) if not each["inUse"]}
    told = _json_lines(fleet.buildctl("prune", "--all", "--format", "{{json .}}").ok().stdout)
    assert free
    assert free <= {each["id"] for each in told}
    assert [each for name in NAMES for each in three.records(name) if not each["inUse"]] == []
