"""Which daemon was home before the fleet grew or shrank, as the daemons' histories tell on loopback."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from router._proto import control_pb2 as pb
from router.cancellation import Cancellation
from router.model.address import TcpAddress
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.model.miss import Miss
from router.operations.earlier_home import Ranked, with_earlier_home
from router.placement.order import order
from router.solve.ref import ref_prefix
from router.transport.options import DialOptions
from tests.wire.operations.records_server import RecordsServer, record

KEY = "app"
PREFIX = ref_prefix(KEY)
MISS = Miss(step="copy", reason="first")

Records = tuple[pb.BuildHistoryRecord, ...]


def built(place: int = 1, at: int = 1, prefix: str = PREFIX, fleet: int = 0) -> pb.BuildHistoryRecord:
    made = record(f"{prefix}{at:024}", at)
    made.FrontendAttrs.update({"warmroute.key": "k", "warmroute.place": str(place)})
    if fleet:
        made.FrontendAttrs["warmroute.fleet"] = str(fleet)
    return made


def failed() -> pb.BuildHistoryRecord:
    made = built()
    made.error.message = "exit code 1"
    return made


def ask(histories: Sequence[Records], names: Sequence[str] = ()) -> Miss:
    """Ask daemons with these records, in the order of the key: home is the first."""
    with ExitStack() as stack, Cancellation() as cancellation:
        servers = [
            stack.enter_context(RecordsServer(*records, name=name, heeds=False))
            for name, records in zip(names or "abc", histories, strict=False)
        ]
        ranked = Ranked(key=KEY, placement="ring", daemons=tuple(each.daemon for each in servers))
        return with_earlier_home(MISS, ranked, DialOptions(timeout=10), cancellation)


@pytest.mark.parametrize(
    ("histories", "home"),
    [
        (((), (), (built(),)), "c"),
        (((), (built(),), (built(at=9),)), "b"),
        (((), (built(2),), ()), ""),
        (((), (built(1, at=1), built(2, at=2))), "b"),
        (((), (failed(),)), ""),
        (((), (built(prefix=ref_prefix("web")),)), ""),
        (((), (record(f"{PREFIX}0", 1),)), ""),
        (((built(fleet=9),), ()), ""),
        (((),), ""),
    ],
)
def test_a_fleet_has_grown_if_one_behind_home_has_built_the_key_as_its_home(
    histories: Sequence[Records], home: str
) -> None:
    assert ask(histories) == replace(MISS, moved_from=home, fleet="grew" if home else "")


def ordered(size: int) -> list[str]:
    """Return the names of a StatefulSet's pods in the order of the key."""
    address = TcpAddress(host="pod.test")
    pods = [Daemon(name=f"pod-{number}", address=address) for number in range(size)]
    return [candidate.daemon.name for candidate in order(KEY, pods, "ring")]


@pytest.fixture(scope="module")
def larger() -> int:
    """The size of the smallest fleet in which another daemon than in one of two is the key's home."""
    return next(size for size in range(3, 99) if ordered(size)[0] not in ordered(2))


def test_a_fleet_has_shrunk_if_home_has_built_when_it_was_larger(larger: int) -> None:
    other = built(at=5, prefix=ref_prefix("web"), fleet=larger)

    moved = ask(((built(2, fleet=2), other), ()), ordered(2))

    assert moved == replace(MISS, moved_from=ordered(larger)[0], fleet="shrank")


def test_a_fleet_that_was_as_large_or_whose_members_have_other_names_tells_nothing(larger: int) -> None:
    once = (built(at=5, fleet=larger),)

    assert ask(((built(fleet=2),), ()), ordered(2)) == MISS
    assert ask(((built(fleet=larger - 1),), ()), ordered(2)) == MISS
    assert ask((once, ()), ("ash", "birch")) == MISS
    assert ask((once, ()), ("pod-0", "pod-2")) == MISS
    assert ask(((built(fleet=999999999),), ()), ordered(2)) == MISS


def test_a_daemon_that_does_not_answer_is_passed_over() -> None:
    with RecordsServer() as server:
        gone = Daemon(name="gone", address=server.daemon.address)
    with RecordsServer(built(), name="b") as server, Cancellation() as cancellation:
        ranked = Ranked(key=KEY, placement="ring", daemons=(gone, gone, server.daemon))
        moved = with_earlier_home(MISS, ranked, DialOptions(timeout=10), cancellation)

    assert moved.moved_from == "b"


def test_a_build_that_is_interrupted_after_its_end_is_told_without_it() -> None:
    with RecordsServer() as home, RecordsServer(built(), name="b") as b, Cancellation() as cancellation:
        cancellation.cancel("Ctrl-C")
        ranked = Ranked(key=KEY, placement="ring", daemons=(home.daemon, b.daemon))

        assert with_earlier_home(MISS, ranked, DialOptions(timeout=10), cancellation) == MISS
