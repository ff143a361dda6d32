"""`warmroute history ls` of daemons whose records are made up."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from router._proto import control_pb2 as pb
from tests.e2e.processes import BIN, Installed
from tests.e2e.program import Program
from tests.e2e.terminals import on_terminal
from tests.wire.operations.records_server import RecordsServer, record

NOW = int(time.time())


def marked(ref: str, age: int, key: str) -> pb.BuildHistoryRecord:
    made = record(ref, NOW - age, target="release")
    made.Exporters.add(Type="image").Attrs.update({"name": f"{key}:1", "warmroute.key": key})
    return made


def program(*servers: RecordsServer) -> Program:
    addresses = "\n".join(f"{each.daemon.name}={each.daemon.address}" for each in servers)
    return Program(environment={"WARMROUTE_ADDR": addresses})


@pytest.fixture
def two() -> Iterator[tuple[RecordsServer, RecordsServer]]:
    failed = record("failed", NOW - 7200)
    failed.error.code, failed.error.message = 2, "exit code: 1"
    with (
        RecordsServer(marked("old", 9000, "app"), marked("new", 60, "other"), name="a") as a,
        RecordsServer(failed, record("running", NOW - 5, took=None), name="b") as b,
    ):
        yield a, b


def refs(ran: object) -> list[str]:
    return [each["ref"] for each in ran]  # type: ignore[attr-defined]  # a list of JSON


@pytest.mark.parametrize(
    ("options", "listed"),
    [
        ([], ["running", "new", "failed", "old"]),
        (["--key", "app"], ["old"]),
        (["--failed"], ["failed"]),
        (["--since", "1h"], ["running", "new"]),
        (["--limit", "2"], ["running", "new"]),
        (["--daemon", "b"], ["running", "failed"]),
        (["--daemon", "b", "--since", "30m"], ["running"]),
    ],
)
def test_the_builds_of_all_daemons_are_listed_by_time_as_far_as_they_are_wanted(
    two: tuple[RecordsServer, RecordsServer], options: list[str], listed: list[str]
) -> None:
    assert refs(program(*two).ok("history", "ls", "--format", "json", *options).json) == listed


def test_it_is_said_that_there_are_more(two: tuple[RecordsServer, RecordsServer]) -> None:
    assert "--limit 0 shows all" in program(*two).ok("history", "ls", "--limit", "2").stderr
    assert program(*two).ok("history", "ls", "--limit", "4").stderr == ""


def test_a_daemon_that_is_gone_or_too_old_is_told_of_and_the_others_are_listed(
    two: tuple[RecordsServer, RecordsServer],
) -> None:
    with RecordsServer(name="old", known=False) as old:
        ran = program(*two, old).run("history", "ls", "--format", "json")

    assert ran.code == 69
    assert refs(ran.json) == ["running", "new", "failed", "old"]
    assert f"old (tcp://127.0.0.1:{old.port}) keeps no build history" in ran.stderr
    assert "1 of 3 daemons did not answer: old" in ran.stderr


def test_a_hostile_record_does_nothing_to_the_terminal() -> None:
    evil = record("\x1b[2J::set-output", NOW, target="\x1b]0;title\x07name\n::error::x")
    with RecordsServer(evil) as server:
        shown = program(server).ok("history", "ls").stdout

    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 2
    assert shown.splitlines()[1].startswith("| ::set-output")


def test_two_hundred_builds_of_ten_daemons_are_listed_in_half_a_second() -> None:
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                RecordsServer(
                    *(marked(f"{number}-{build}", build, "app") for build in range(20)), name=f"d{number}"
                )
            )
            for number in range(10)
        ]
        fleet = program(*servers)
        fleet.ok("history", "ls", "--limit", "0")  # what is compiled once is not counted
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        listed = fleet.ok("history", "ls", "--limit", "0", "--format", "json")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        others = [fleet.ok("history", "ls", "--limit", "0").seconds for _ in range(4)]

    assert len(listed.json) == 200
    assert min(listed.seconds, *others) < 0.5  # the quickest had the processor to itself
    # The processor's time: how long it takes with others beside is not ours to say.
    assert (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime) < 0.5


@pytest.mark.parametrize("limit", ["inf", "1.5", "1e30", "-1"])
def test_a_limit_that_is_no_whole_number_is_refused(limit: str) -> None:
    ran = Program(environment={"WARMROUTE_ADDR": "tcp://127.0.0.1:1"}).run("history", "ls", "--limit", limit)
    assert ran.code == 2
    assert "invalid --limit" in ran.stderr


@pytest.mark.parametrize("verb", [("history", "rm"), ("history", "pin"), ("cancel",), ("history", "export")])
def test_an_empty_reference_is_not_the_latest_build(
    two: tuple[RecordsServer, RecordsServer], verb: tuple[str, ...]
) -> None:
    ran = program(*two).run(*verb, "")
    assert ran.code == 2
    assert "a REF is empty" in ran.stderr
    assert not [each for server in two for each in server.updated]


def test_a_number_that_is_no_count_names_no_build(two: tuple[RecordsServer, RecordsServer]) -> None:
    for ref in ("^", "^x", "^-1", "^" + "9" * 5000):
        assert program(*two).run("logs", ref).code == 2


def test_all_records_go_only_by_force_where_nobody_can_be_asked(
    two: tuple[RecordsServer, RecordsServer],
) -> None:
    refused = program(*two).run("history", "rm", "--all")
    assert (refused.code, refused.stdout) == (2, "")
    assert (
        "history rm --all asks before it deletes, and stdin is no terminal\nhint: --force " in refused.stderr
    )
    assert not [each for server in two for each in (*server.asked, *server.updated)]

    removed = program(*two).ok("history", "rm", "--all", "-f", "--format", "json").json
    assert {each["ref"] for each in removed} == {"old", "new", "failed"}


@pytest.mark.parametrize(("answer", "gone"), [(b"\n", set()), (b"y\n", {"old", "new", "failed"})])
def test_a_terminal_is_asked_before_all_records_go(
    two: tuple[RecordsServer, RecordsServer], answer: bytes, gone: set[str]
) -> None:
    addresses = "\n".join(f"{each.daemon.name}={each.daemon.address}" for each in two)
    variables = {**Installed().variables, "WARMROUTE_ADDR": addresses}

    with on_terminal([BIN / "warmroute", "history", "rm", "--all"], variables) as terminal:
        terminal.read_until("[y/N] ")
        assert "This deletes the records of 3 builds on a, b; caches and images stay.\r\n" in terminal.text
        terminal.type(answer)
        assert terminal.wait() == 0

    assert {each.Ref for server in two for each in server.updated} == gone
    assert ("nothing was deleted" in terminal.text) == (not gone)


def test_the_latest_build_is_shown_and_69_said_where_a_daemon_is_silent(
    two: tuple[RecordsServer, RecordsServer],
) -> None:
    with RecordsServer(name="old", known=False) as old:
        shown = program(*two, old).run("history", "inspect", "--format", "json")
        by_ref = program(*two, old).run("history", "inspect", "new", "--format", "json")

    assert (shown.code, shown.json["ref"]) == (69, "running")
    assert "old (tcp://" in shown.stderr
    assert "ERROR: 1 of 3 daemons did not answer: old\n" in shown.stderr
    assert (by_ref.code, by_ref.json["ref"], by_ref.stderr) == (0, "new", "")


def test_nothing_is_done_to_the_latest_build_where_it_may_be_another(
    two: tuple[RecordsServer, RecordsServer],
) -> None:
    with RecordsServer(name="old", known=False) as old:
        refused = program(*two, old).run("history", "rm", "^1")

    assert refused.code == 69
    assert "the build before the last 1 may be on a daemon that did not answer: old" in refused.stderr
    assert not [each for server in two for each in server.updated]


def test_no_build_goes_that_runs(two: tuple[RecordsServer, RecordsServer]) -> None:
    ran = program(*two).run("history", "rm", "running", "old", "--format", "json")
    assert ran.code == 2
    assert "the build running on b runs: it has no record yet" in ran.stderr
    assert {each["ref"]: each["removed"] for each in ran.json} == {"running": False, "old": True}
    assert [each.Ref for server in two for each in server.updated] == ["old"]
