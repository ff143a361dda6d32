"""`warmroute du` on real daemons, beside `buildctl du` and `docker buildx du` asked one by one."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.render.units import format_bytes
from tests.e2e import stores
from tests.e2e.processes import Installed
from tests.e2e.stores import Stores
from tests.servers import binaries
from tests.servers.dockerd import Dockerd
from tests.servers.ports import free_port

NAMES = ("ash", "birch", "cedar")


@pytest.fixture(scope="module")
def fleet_of_three(busybox: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    """Three daemons: two with builds whose cache mounts have one id, and an empty one."""
    with stores.started(tmp_path_factory.mktemp("stores"), NAMES, busybox) as found:
        found.build("ash", size=1_000_000)
        found.build("ash", size=2_000_000)
        found.build("birch", size=500_000)
        for name in NAMES:
            found.records(name)  # the first question after a build measures, which counts as a use
        yield found


def _sums(records: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    total = sum(record["size"] for record in records)
    shared = sum(record["size"] for record in records if record["shared"])
    return {
        "total": total,
        "reclaimable": sum(record["size"] for record in records if not record["inUse"]),
        "shared": shared,
        "private": total - shared,
        "count": len(records),
    }


def _without_nulls(record: Mapping[str, Any]) -> dict[str, Any]:
    """Say a list that is empty, where Go says null."""
    return {**record, "parents": record["parents"] or []}


def test_the_records_and_the_sums_are_those_of_buildctl_asked_one_by_one(fleet_of_three: Stores) -> None:
    done = fleet_of_three.warmroute("du", "-v", "--format", "json")

    theirs = {name: list(map(_without_nulls, fleet_of_three.records(name))) for name in NAMES}
    assert done.code == 0
    assert len(theirs["ash"]) > len(theirs["birch"]) > len(theirs["cedar"]) == 0
    assert done.json["daemons"][0]["records"] == theirs["ash"]
    assert done.json["daemons"] == [
        {
            "daemon": name,
            "address": fleet_of_three.daemons[name].address,
            "error": "",
            **_sums(theirs[name]),
            "records": theirs[name],
        }
        for name in NAMES
    ]
    assert done.json["sum"] == _sums([record for name in NAMES for record in theirs[name]])
    assert done.json["sum"]["total"] > 3_500_000


def test_each_record_is_shown_as_buildctl_shows_it(fleet_of_three: Stores) -> None:
    done = fleet_of_three.warmroute("du", "-v", "--daemon", "ash")

    ours = [dict(_fields(block)) for block in done.stdout.split("\n\n") if block.startswith("Daemon:")]
    theirs = [
        dict(_fields(block))
        for block in fleet_of_three.buildctl("ash", "du", "-v").split("\n\n")
        if block.startswith("ID:")
    ]
    assert len(ours) > 5
    assert ours == [{"Daemon": "ash", **record} for record in theirs]


def _fields(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        title, _, value = line.partition(":")
        yield title, value.strip()


def test_the_sums_are_those_that_buildctl_and_buildx_print(fleet_of_three: Stores) -> None:
    rows = _rows(fleet_of_three.warmroute("du").stdout)

    for name in NAMES[:2]:
        total, reclaimable = rows[name][:2]
        summary = dict(re.findall(r"^(\w+):\s+(\S+)$", fleet_of_three.buildctl(name, "du"), re.MULTILINE))
        assert (total, reclaimable) == (summary["Total"], summary["Reclaimable"])
        by_buildx = dict(re.findall(r"^(\w+):\s+(\S+)$", fleet_of_three.buildx(name, "du"), re.MULTILINE))
        assert float(by_buildx["Total"][:-2]) == pytest.approx(float(total[:-2]), rel=0.001)
    assert rows["cedar"] == ["0B", "0B", "0B", "0B", "0"]
    whole = sum(fleet_of_three.total(name) for name in NAMES)
    assert rows["(sum)"][0] == format_bytes(whole)


def _rows(text: str) -> dict[str, list[str]]:
    """Return a table's cells by the daemons' names."""
    return {
        row[0]: row[1:]
        for row in (re.split(r"  +", line) for line in text.split("\n\n", maxsplit=1)[0].splitlines())
    }


def test_cache_mounts_are_listed_by_the_dockerfiles_id_with_the_daemons_that_have_them(
    fleet_of_three: Stores,
) -> None:
    found = fleet_of_three.warmroute("du", "--format", "json").json["cacheMounts"]

    by_name = {name: fleet_of_three.records(name, "type==exec.cachemount") for name in NAMES}
    assert [(mount["id"], mount["daemon"]) for mount in found] == [
        ("/var/apt", "ash"),
        ("go-build", "ash"),
        ("/var/apt", "birch"),
        ("go-build", "birch"),
    ]
    assert {frozenset(mount) for mount in found} == {
        frozenset(("id", "daemon", "size", "inUse", "lastUsedAt", "count"))
    }
    for name in NAMES:
        # One whose record is still held by the build before has two records.
        mounts = [mount for mount in found if mount["daemon"] == name]
        assert sum(mount["size"] for mount in mounts) == sum(record["size"] for record in by_name[name])
        assert sum(mount["count"] for mount in mounts) == len(by_name[name])
    assert next(mount for mount in found if mount["id"] == "go-build")["size"] > 3_000_000
    table = fleet_of_three.warmroute("du").stdout.split("\n\n")[1].splitlines()
    assert [line.split("  ")[0] for line in table[1:]] == ["/var/apt", "/var/apt", "go-build", "go-build"]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (["type=exec.cachemount"], ["type==exec.cachemount"]),
        (["type==regular,immutable"], ["type==regular,immutable"]),
        (["type=regular", "mutable=false"], ["type==regular,immutable"]),
        (['description~=with id "/go'], ['description~=/with id "\\/go/']),
        (["type!=regular"], ["type!=regular"]),
        (["mutable=true"], ["mutable"]),
    ],
)
def test_a_filter_finds_what_the_daemons_own_grammar_finds(
    fleet_of_three: Stores, ours: list[str], theirs: list[str]
) -> None:
    words = [word for each in ours for word in ("--filter", each)]
    found = fleet_of_three.warmroute("du", "-v", "--format", "json", "--daemon", "ash", *words).json

    records = fleet_of_three.records("ash", *theirs)
    assert 0 < len(records) < len(fleet_of_three.records("ash"))
    assert [record["id"] for record in found["daemons"][0]["records"]] == [record["id"] for record in records]


def test_what_was_used_since_is_left_out(fleet_of_three: Stores) -> None:
    recent = fleet_of_three.warmroute("du", "--format", "json", "--filter", "until=1h").json["sum"]
    past = fleet_of_three.warmroute("du", "--format", "json", "--filter", "until=0s").json["sum"]

    everything = fleet_of_three.warmroute("du", "--format", "json").json["sum"]
    never_used = [
        record for name in NAMES for record in fleet_of_three.records(name) if not record["lastUsedAt"]
    ]
    assert recent["count"] == len(never_used)
    assert past == everything


def test_a_frozen_and_a_dead_daemon_are_rows_among_the_answers(fleet_of_three: Stores) -> None:
    dead = f"tcp://127.0.0.1:{free_port()}"
    fleet_of_three.daemons["birch"].freeze()
    try:
        done = fleet_of_three.warmroute("du", "--addr", f"dead={dead}", "--connect-timeout", "2")
        listed = fleet_of_three.warmroute("du", "--connect-timeout", "1", "--format", "json")
    finally:
        fleet_of_three.daemons["birch"].thaw()

    rows = _rows(done.stdout)
    assert done.code == 69
    assert done.seconds < 2 + 4  # the deadline, and the start on a busy machine
    assert rows["birch"] == rows["dead"] == ["no answer", "-", "-", "-", "-"]
    assert rows["ash"] == rows["(sum)"]
    assert "ERROR: 2 of 4 daemons did not answer: birch, dead\n" in done.stderr
    assert "warmroute: birch (tcp://" in done.stderr
    assert (listed.code, listed.json["daemons"][1]["total"]) == (69, None)
    assert "did not answer in time" in listed.json["daemons"][1]["error"]
    assert listed.json["sum"] == _sums(fleet_of_three.records("ash"))


def test_what_images_of_an_engine_share_is_counted_as_buildx_counts_it(
    dockerd: Dockerd, tmp_path: Path
) -> None:
    """Debian's 20.10, whose BuildKit tells no version and no types of records."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /a\nCOPY Dockerfile /b\n")
    engine = Installed(environment=dockerd.environment)
    engine.ok("build", "--tag", "shared", "--load", tmp_path)

    sums = engine.ok("du", "--format", "json").json["sum"]

    environment = {**dockerd.environment, "HOME": str(tmp_path)}
    theirs = subprocess.run(
        [binaries.buildx(), "du"], env=environment, capture_output=True, text=True, timeout=60, check=True
    ).stdout
    summary = dict(re.findall(r"^(\w+):\s+(\S+)$", theirs, re.MULTILINE))
    assert sums["shared"] > 0
    assert set(sums) == {"total", "reclaimable", "shared", "private", "count"}
    for name in ("total", "reclaimable", "shared", "private"):
        assert _bytes(summary[name.capitalize()]) == pytest.approx(sums[name], rel=0.001)


def _bytes(text: str) -> float:
    """Read a size as buildx writes it, to four digits."""
    number, unit = re.fullmatch(r"([\d.]+)(B|kB|MB|GB)", text).groups()  # type: ignore[union-attr]
    factor: int = 1000 ** ("B", "kB", "MB", "GB").index(unit)
    return float(number) * factor


def test_a_filter_that_means_nothing_is_refused_before_anybody_is_asked() -> None:
    done = Installed().run("du", "--filter", "typ=regular", "--addr", f"tcp://127.0.0.1:{free_port()}")

    assert (done.code, done.stdout) == (2, "")
    assert 'ERROR: invalid --filter "typ=regular": unknown field typ (did you mean type?)\n' in done.stderr
