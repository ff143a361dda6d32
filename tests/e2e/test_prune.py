"""`warmroute prune` on real daemons, beside what buildctl says of them before and after."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from router._proto import control_pb2 as pb
from tests.e2e import stores
from tests.e2e.processes import BIN, Installed
from tests.e2e.stores import Stores
from tests.e2e.terminals import CTRL_C, on_terminal
from tests.servers.dockerd import Dockerd
from tests.wire.operations.store_server import StoreServer

NAMES = ("ash", "birch", "cedar")


@pytest.fixture(scope="module")
def started(busybox: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    with stores.started(tmp_path_factory.mktemp("prune"), NAMES, busybox) as found:
        yield found


@pytest.fixture
def filled(started: Stores) -> Stores:
    """Three daemons, two of them with builds whatever was pruned before."""
    for name in NAMES:
        started.buildctl(name, "prune", "--all")
    started.build("ash", size=1_000_000)
    started.build("ash", size=2_000_000)
    started.build("birch", size=500_000)
    for name in NAMES:
        started.records(name)  # the first question after a build measures, which counts as a use
    return started


@pytest.mark.parametrize(
    "what",
    [
        (),
        ("--all",),
        ("--filter", "type=exec.cachemount"),
        ("--filter", "type!=exec.cachemount", "--filter", "private"),
        ("--filter", 'description~=with id "/go-build"'),
        ("--max-used-space", "5MB"),
        ("--keep-storage", "1MB"),
        ("--filter", "until=1h"),
    ],
    ids=" ".join,
)
def test_what_goes_is_what_the_dry_run_said_and_what_is_missing_afterwards(
    filled: Stores, what: tuple[str, ...]
) -> None:
    before = {name: {record["id"]: record["size"] for record in filled.records(name)} for name in NAMES}

    planned = filled.warmroute("prune", "--dry-run", "-v", "--format", "json", *what).json
    unchanged = {name: {record["id"]: record["size"] for record in filled.records(name)} for name in NAMES}
    done = filled.warmroute("prune", "--force", "-v", "--format", "json", *what)

    assert (done.code, unchanged) == (0, before)
    row_shape = {"daemon", "address", "error", "freed", "count", "records"}
    assert [set(row) for row in done.json["daemons"]] == [row_shape] * 3
    assert (set(done.json), set(done.json["sum"])) == ({"dryRun", "daemons", "sum"}, {"freed", "count"})
    assert planned["dryRun"] is True
    assert done.json["dryRun"] is False
    for plan, row in zip(planned["daemons"], done.json["daemons"], strict=True):
        name = row["daemon"]
        after = {record["id"] for record in filled.records(name)}
        gone = {record: size for record, size in before[name].items() if record not in after}
        assert {record["id"] for record in row["records"]} == set(gone)
        assert {record["id"] for record in plan["records"]} == set(gone)
        assert plan["freed"] == row["freed"] == sum(gone.values())
        assert plan["count"] == row["count"] == len(gone)
    assert done.json["sum"]["freed"] == sum(row["freed"] for row in done.json["daemons"])
    assert (done.json["sum"]["count"] == 0) == (what == ("--filter", "until=1h"))


def test_the_table_says_what_was_freed_by_daemon_and_in_sum(filled: Stores) -> None:
    before = {name: filled.total(name) for name in NAMES}

    done = filled.warmroute("prune", "-f", "--daemon", "ash", "--daemon", "cedar")

    rows = dict(re.findall(r"^(\S+) +([\d.]+\w+) ", done.stdout, re.MULTILINE))
    assert done.code == 0
    assert list(rows) == ["ash", "cedar", "(sum)"]
    assert float(rows["ash"][:-2]) == pytest.approx((before["ash"] - filled.total("ash")) / 1e6, abs=0.006)
    assert rows["(sum)"] == rows["ash"]
    assert filled.total("birch") == before["birch"]


def test_a_frozen_daemon_is_a_row_and_does_not_keep_the_others(filled: Stores) -> None:
    before = filled.total("birch")
    filled.daemons["birch"].freeze()
    try:
        done = filled.warmroute("prune", "-f", "--connect-timeout", "2", "--format", "json")
    finally:
        filled.daemons["birch"].thaw()

    rows = {row["daemon"]: row for row in done.json["daemons"]}
    assert done.code == 69
    assert done.seconds < 2 + 4
    assert (rows["birch"]["freed"], rows["ash"]["error"]) == (None, "")
    assert "did not answer in time" in rows["birch"]["error"]
    assert rows["ash"]["freed"] == done.json["sum"]["freed"] > 3_000_000
    assert "ERROR: 1 of 3 daemons did not answer: birch\n" in done.stderr
    assert filled.total("birch") == before


def test_without_a_terminal_nothing_is_deleted_unless_forced(filled: Stores) -> None:
    before = filled.total("ash")

    done = filled.warmroute("prune")

    assert (done.code, done.stdout) == (2, "")
    assert "ERROR: prune asks before it deletes, and stdin is no terminal\nhint: --force " in done.stderr
    assert filled.total("ash") == before


@pytest.mark.parametrize("columns", [80, 200])
def test_a_terminal_is_asked_and_only_yes_deletes(filled: Stores, columns: int) -> None:
    before = filled.total("ash")
    command: list[str | Path] = [
        *(BIN / "warmroute", "prune", "--filter", "type=exec.cachemount"),
        *filled.options,
    ]

    with on_terminal(command, Installed().variables, columns=columns) as terminal:
        terminal.read_until("[y/N] ")
        terminal.type(b"\n")
        assert terminal.wait() == 0
    assert "nothing was deleted" in terminal.text
    assert filled.total("ash") == before

    with on_terminal(command, Installed().variables, columns=columns) as terminal:
        terminal.read_until("[y/N] ")
        terminal.type(b"y\n")
        assert terminal.wait() == 0
    terminal.check_sane()
    assert "This deletes build cache that is not in use, as far as the options select it, on ash, " in (
        terminal.text
    )
    assert re.search(r"^ash +3\.0\dMB +2", terminal.text, re.MULTILINE)
    assert before - filled.total("ash") > 3_000_000


def test_an_interrupted_prune_tells_what_is_gone_and_ends_on_the_daemon() -> None:
    records = [pb.UsageRecord(ID=str(number), Size=1000) for number in range(3)]
    with StoreServer(*records, hangs=True) as server:
        command = [str(BIN / "warmroute"), "prune", "-f", "--addr", f"slow={server.address}"]
        with on_terminal(command, Installed().variables) as terminal:
            terminal.read_until("warmroute: freed 1.00kB so far (1 record of slow)")
            terminal.type(CTRL_C)
            assert terminal.wait(within=10) == 130
        assert server.cancelled.wait(10)

    terminal.check_sane()
    assert re.search(r"^slow +[123]\.00kB +[123]\r$", terminal.text, re.MULTILINE), terminal.text
    assert "interrupted: the records listed are deleted, and a few more may be" in terminal.text


def test_an_old_engine_is_pruned_but_not_with_bounds_that_it_would_ignore(dockerd: Dockerd) -> None:
    engine = Installed(environment=dockerd.environment)

    refused = engine.run("prune", "-f", "--max-used-space", "1GB")

    assert (refused.code, refused.stdout) == (1, "")
    assert "is too old for --max-used-space and --min-free-space, which need BuildKit 0.17" in refused.stderr
    before = engine.ok("du", "--format", "json").json["sum"]["total"]
    freed = engine.ok("prune", "-f", "--format", "json").json["sum"]["freed"]
    assert freed == before - engine.ok("du", "--format", "json").json["sum"]["total"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--keep-storage", "500"), 'invalid --keep-storage "500": it needs a unit'),
        (("--keep-storage", "1GB", "--reserved-space", "1GB"), "--keep-storage is the old name of"),
        (("--keep-duration", "1h", "--filter", "until=2h"), "--keep-duration and --filter until= contradict"),
        (("--filter", "inuse"), "a daemon that prunes does not look at inuse"),
        (("--dry-run", "--min-free-space", "1GB"), "--dry-run can't tell what --min-free-space deletes"),
        (("--max-used-space", "a lot"), 'invalid --max-used-space "a lot": a size is a number with a unit'),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_deleted(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    with StoreServer(pb.UsageRecord(ID="a")) as server:
        done = Installed().run("prune", "--force", "--addr", server.address, *words, cwd=tmp_path)

    assert (done.code, done.stdout, server.requests) == (2, "", [])
    assert said in done.stderr
