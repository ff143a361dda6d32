"""Tables of long names on terminals of 80 and of 200 columns: of each verb that asks a fleet."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

import cli.commands.fleet.status
import cli.commands.ps
import cli.commands.stats
from cli.commands.history.listed import builds_table
from cli.render.narrow import Narrowing, narrow_table, wrapped
from cli.render.store import freed_table, mounts_table, usage_table
from router.model.address import TcpAddress
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.model.mark import BuildMark
from router.model.record import BuildRecord
from router.operations.each import Answer
from router.operations.in_flight import InFlight
from router.operations.records import DaemonRecord
from router.operations.stats import BuildStats
from router.operations.usage import CacheMount, CacheRecord, Usage
from router.provision.found import FleetState, PoolState
from router.provision.pod_rows import PodRow

PODS = tuple(f"buildkitd-team-platform-arm64-{number}" for number in range(3))
KEY = "registry.eu-west-1.example.com/a-team-with-a-long-name/services/checkout-backend"
SECOND = 1_000_000_000


def running(number: int) -> Answer[tuple[InFlight, ...]]:
    record = BuildRecord(
        ref=f"{number}" * 8 + "f" * 24,
        created=time.time_ns() - 754 * SECOND,
        attrs={"context": "https://example.com/some/long/path/repository.git"},
        mark=BuildMark(key=f"{KEY}-{number}", place=2, by="ci-runner@runner-7f9c5d6b8-x2x4q"),
    )
    build = InFlight(record=record, done=109, total=114, step="[build 11/25] RUN go build -o /out ./cmd/...")
    return Answer(daemon=Daemon(name=PODS[number], address=TcpAddress(host="a.test")), value=(build,))


def _ps() -> str:
    return cli.commands.ps._table([running(number) for number in range(3)])


def _watch() -> str:
    return cli.commands.ps._screen([running(number) for number in range(3)], [*PODS, *PODS])


def _history(room: int | None) -> str:
    def over(number: int) -> DaemonRecord:
        answer = running(number)
        build = (answer.value or ())[0]
        return DaemonRecord(daemon=answer.daemon, record=replace(build.record, completed=time.time_ns()))

    return builds_table([over(number) for number in range(3)], room=room)


def _stats(by: str) -> str:
    rows = [
        BuildStats(
            name=name,
            builds=12345,
            warm=12000,
            failed=345,
            spills=111,
            failovers=22,
            p50_warm=123.4,
            p95_warm=1234.5,
            p50_cold=1234.5,
            p95_cold=2345.6,
            saved=654321.0,
        )
        for name in (PODS if by == "daemon" else [f"{KEY}-{number}" for number in range(3)])
    ]
    return cli.commands.stats._table(rows, by)


def usage() -> Usage:
    record = CacheRecord(
        id="r",
        type="regular",
        size=1,
        mutable=False,
        in_use=False,
        shared=False,
        description="d",
        parents=(),
        usage_count=1,
        created=0,
        last_used=None,
    )
    return Usage(records=(record,) * 1234, total=123456789012, reclaimable=123456789012, shared=12345678901)


def _du(room: int | None) -> str:
    mount = CacheMount(
        id="/home/builder/.cache/some/tool/with/deep/folders/go-build",
        size=123456789012,
        in_use=False,
        last_used=time.time_ns() - 200 * 24 * 3600 * SECOND,
        records=12,
    )
    tables = usage_table([(name, usage()) for name in PODS], usage(), room=room)
    return f"{tables}\n{mounts_table([(name, mount) for name in PODS], room=room)}"


def _status() -> str:
    pods = tuple(
        PodRow(
            name=name,
            state="unschedulable",
            reason="0/12 nodes are available: " + "12 Insufficient cpu, " * 8,
            image="registry.eu-west-1.example.com/mirrors/docker.io/moby/buildkit:v0.32.1-rootless",
            arch="arm64",
            volume=f"state-{name}",
            storage="500Gi",
        )
        for name in PODS
    )
    pools = tuple(PoolState(name=name[:-2], wanted=3, ready=0, settled=False) for name in PODS)
    return cli.commands.fleet.status._shown(
        FleetState(name="buildkitd-team-platform", namespace="ci-team-platform", pools=pools, pods=pods)
    )


SHOWN: dict[str, Callable[[int | None], str]] = {
    "ps": lambda _: _ps(),
    "ps --watch": lambda _: _watch(),
    "history ls": _history,
    "stats": lambda _: _stats("all"),
    "stats --by key": lambda _: _stats("key"),
    "stats --by daemon": lambda _: _stats("daemon"),
    "stats --by image": lambda _: _stats("image"),
    "du": _du,
    "prune": lambda room: freed_table([(name, usage()) for name in PODS], dry_run=True, room=room),
    "fleet status": lambda _: _status(),
}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[int | None], None]:
    """Return what sets the columns of the terminal."""

    def set_columns(room: int | None) -> None:
        for module in (cli.commands.ps, cli.commands.stats, cli.commands.fleet.status):
            monkeypatch.setattr(module, "room_on_stdout", lambda: room)

    return set_columns


@pytest.mark.parametrize("room", [80, 200])
@pytest.mark.parametrize("verb", SHOWN)
def test_nothing_is_wider_than_the_terminal(
    verb: str, room: int, terminal: Callable[[int | None], None]
) -> None:
    terminal(room)

    lines = SHOWN[verb](room).split("\n")

    assert max(map(len, lines)) <= room
    assert len(lines) > 1
    for line in lines:
        for cell in filter(None, line.split("  ")):
            assert ".." not in cell or len(cell) >= 12 or cell.startswith("./cmd"), line


@pytest.mark.parametrize(
    "verb", ["ps", "ps --watch", "history ls", "stats --by daemon", "du", "fleet status"]
)
def test_daemons_are_told_from_each_other_on_a_narrow_terminal(
    verb: str, terminal: Callable[[int | None], None]
) -> None:
    terminal(80)

    shown = SHOWN[verb](80)

    for name in PODS:
        assert f"{name[-5:]} " in f"{shown} ", shown


def test_the_size_of_a_volume_and_the_version_of_an_image_stay(
    terminal: Callable[[int | None], None],
) -> None:
    terminal(80)

    _, _, _, _, *rows = _status().split("\n")

    assert all(" 500Gi  " in row and row.endswith("v0.32.1-rootless") for row in rows[:3]), rows


@pytest.mark.parametrize("verb", SHOWN)
def test_a_file_gets_the_names_whole(verb: str, terminal: Callable[[int | None], None]) -> None:
    terminal(None)

    shown = SHOWN[verb](None)

    assert verb == "stats" or PODS[1] in shown or f"{KEY}-1" in shown


def test_a_watched_fleet_of_many_builds_keeps_its_header_on_the_screen(
    monkeypatch: pytest.MonkeyPatch, terminal: Callable[[int | None], None]
) -> None:
    terminal(80)
    monkeypatch.setattr(cli.commands.ps, "rows_on_stdout", lambda: 24)
    answers = [running(0)] * 40

    lines = cli.commands.ps._screen(answers, ["birch"]).split("\n")
    all_fit = cli.commands.ps._screen(answers[:22], []).split("\n")

    assert len(lines) == 23  # and the cursor's
    assert lines[0].startswith("BUILD ID")
    assert lines[-2:] == ["and 20 more", "did not answer: birch"]
    assert len(all_fit) == 23
    assert "more" not in all_fit[-1]


def test_columns_are_cut_before_the_last_ones_are_left_out() -> None:
    narrowing = Narrowing(spared=("B",), cut=(("A", "ends"),), last=("C",))
    header, rows = ("A", "B", "C"), [("abcdefghijklmnopqrstuvwxyz", "b", "cccc")]

    assert narrow_table(header, rows, narrowing, room=32).split("\n")[1].split() == [rows[0][0], "cccc"]
    assert narrow_table(header, rows, narrowing, room=20).split("\n")[1].split() == ["abcdef..uvwxyz", "cccc"]
    assert narrow_table(header, rows, narrowing, room=17).split("\n")[1].split() == ["abcde..vwxyz"]


def test_a_long_sentence_has_several_lines_where_there_is_no_room() -> None:
    assert wrapped("one two three four", 12) == ["one two", "  three four"]
    assert wrapped("one two three four", None) == ["one two three four"]
