"""Which daemon was home before the fleet grew, as the daemons' histories tell on loopback."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from router._proto import control_pb2 as pb
from router.cancellation import Cancellation
from router.model.daemon import Daemon
from router.operations.earlier_home import earlier_home
from router.solve.ref import ref_prefix
from router.transport.options import DialOptions
from tests.wire.operations.records_server import RecordsServer, record

PREFIX = ref_prefix("app")
OTHER = ref_prefix("web")


def built(place: int, at: int = 1, prefix: str = PREFIX) -> pb.BuildHistoryRecord:
    made = record(f"{prefix}{at:024}", at)
    made.FrontendAttrs.update({"warmroute.key": "app", "warmroute.place": str(place)})
    return made


def failed(place: int) -> pb.BuildHistoryRecord:
    made = built(place)
    made.error.message = "exit code 1"
    return made


def ask(*histories: tuple[pb.BuildHistoryRecord, ...]) -> str:
    """Ask daemons with these records, ``d1`` and on, which stand behind home in the order."""
    with ExitStack() as stack, Cancellation() as cancellation:
        servers = [
            stack.enter_context(RecordsServer(*records, name=f"d{number}", heeds=False))
            for number, records in enumerate(histories, start=1)
        ]
        return earlier_home([each.daemon for each in servers], "app", DialOptions(timeout=10), cancellation)


@pytest.mark.parametrize(
    ("histories", "home"),
    [
        (((), (built(1),)), "d2"),
        (((built(1),), (built(1, at=9),)), "d1"),
        (((built(2),), ()), ""),
        (((built(1, at=1), built(2, at=2)),), "d1"),
        (((built(2, at=1), built(1, at=2)),), "d1"),
        (((failed(1),),), ""),
        (((built(1, prefix=OTHER),),), ""),
        (((record(f"{PREFIX}0", 1),),), ""),
    ],
)
def test_it_is_the_first_in_the_order_that_built_the_key_as_its_home(
    histories: tuple[tuple[pb.BuildHistoryRecord, ...], ...], home: str
) -> None:
    assert ask(*histories) == home


def test_a_daemon_that_does_not_answer_is_passed_over() -> None:
    with RecordsServer() as server:
        gone = Daemon(name="gone", address=server.daemon.address)
    with RecordsServer(built(1), name="d2") as server, Cancellation() as cancellation:
        home = earlier_home([gone, server.daemon], "app", DialOptions(timeout=10), cancellation)

    assert home == "d2"


def test_a_build_that_is_interrupted_after_its_end_is_told_without_it() -> None:
    with RecordsServer(built(1)) as server, Cancellation() as cancellation:
        cancellation.cancel("Ctrl-C")
        assert earlier_home([server.daemon], "app", DialOptions(timeout=10), cancellation) == ""
