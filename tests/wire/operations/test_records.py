"""The builds of several daemons, asked on loopback."""

from __future__ import annotations

import pytest

from router.errors import ConnectionLostError, DialError, RpcError, UsageError
from router.model.daemon import Daemon
from router.model.record import BuildRecord
from router.operations.find_build import find_build
from router.operations.records import RecordQuery, ask_records, by_time
from router.transport.options import DialOptions
from tests.wire.operations.records_server import RecordsServer, record

OPTIONS = DialOptions(timeout=10)


def test_the_builds_of_a_fleet_are_one_list_the_running_first_and_then_the_latest() -> None:
    first = record("over", 5), record("running", 3, took=None)
    second = record("older", 4), record("latest", 9)
    with RecordsServer(*first, name="a") as a, RecordsServer(*second, name="b") as b:
        answers = ask_records([a.daemon, b.daemon], OPTIONS)

    builds = [(each.daemon.name, each.record.ref) for each in by_time(answers)]
    assert builds == [("a", "running"), ("b", "latest"), ("a", "over"), ("b", "older")]


def test_a_daemon_that_is_gone_does_not_hide_what_the_others_remember() -> None:
    with RecordsServer(record("a", 1)) as server:
        gone = Daemon(name="gone", address=server.daemon.address)
    with RecordsServer(record("a", 1)) as server:
        here, silent = ask_records([server.daemon, gone], DialOptions(timeout=5))

    assert [each.ref for each in here.value or ()] == ["a"]
    assert isinstance(silent.error, DialError | ConnectionLostError)


def test_only_the_latest_are_told_also_by_a_daemon_that_knows_no_limit() -> None:
    builds = [record(str(number), number) for number in range(9)] + [record("running", 0, took=None)]
    for heeds in (True, False):
        with RecordsServer(*builds, heeds=heeds) as server:
            (answer,) = ask_records([server.daemon], OPTIONS, RecordQuery(limit=2))
        assert [each.record.ref for each in by_time([answer])] == ["running", "8", "7"]


def test_a_single_build_and_those_that_run_can_be_asked_for() -> None:
    with RecordsServer(record("one", 1), record("two", 2, took=None)) as server:
        (one,) = ask_records([server.daemon], OPTIONS, RecordQuery(ref="one"))
        (running,) = ask_records([server.daemon], OPTIONS, RecordQuery(active_only=True))

    assert [each.ref for each in one.value or ()] == ["one"]
    assert [each.ref for each in running.value or ()] == ["two"]
    assert [asked.Limit for asked in server.asked] == [0, 0]


def test_a_build_that_ends_while_it_is_told_is_told_once_as_it_ended() -> None:
    with RecordsServer(record("a", 1, took=None), record("a", 1)) as server:
        (answer,) = ask_records([server.daemon], OPTIONS)

    assert answer.value == (
        BuildRecord(ref="a", frontend="dockerfile.v0", created=10**9, completed=2 * 10**9),
    )


def test_a_daemon_that_is_too_old_for_a_history_is_named() -> None:
    with RecordsServer(name="old", known=False) as server:
        (answer,) = ask_records([server.daemon], OPTIONS)

    assert isinstance(answer.error, RpcError)
    assert str(answer.error).startswith("old (tcp://127.0.0.1:")
    assert "older than 0.11" in str(answer.error)


def test_a_daemon_that_tells_without_end_fills_no_memory() -> None:
    builds = [record(f"{number}", 1, pad="x" * 1_000_000) for number in range(80)]
    with RecordsServer(*builds) as server:
        (answer,) = ask_records([server.daemon], OPTIONS)

    assert answer.value is None
    assert "64 MiB" in str(answer.error)


def test_a_build_is_found_by_as_much_of_its_reference_as_no_other_has() -> None:
    builds = [record("abc1", 1), record("abc2", 2), record("b", 3), record("bcd", 4)]
    with RecordsServer(*builds[:2], name="a") as a, RecordsServer(*builds[2:], name="b") as b:
        daemons = [a.daemon, b.daemon]
        found = {
            ref: find_build(daemons, OPTIONS, ref).record.ref for ref in ("abc2", "bc", "b", "", "^1", "^3")
        }
        with pytest.raises(UsageError, match='"abc" is the beginning of 2 builds: abc2, abc1'):
            find_build(daemons, OPTIONS, "abc")
        with pytest.raises(UsageError, match='no build "x" on a, b'):
            find_build(daemons, OPTIONS, "x")
        with pytest.raises(UsageError, match="no build before the last 4 on a, b"):
            find_build(daemons, OPTIONS, "^4")

    assert found == {"abc2": "abc2", "bc": "bcd", "b": "b", "": "bcd", "^1": "b", "^3": "abc1"}
