"""The events of several histories made those of one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router._proto import control_pb2 as pb
from router.address import parse_address
from router.model.daemon import Daemon
from router.rpc.protobuf import field
from router.serving.history_events import Heard, Repeated, as_one_history
from router.solve.inflight import history_event

DAEMONS = tuple(Daemon(name=name, address=parse_address(f"tcp://{name}:1234")) for name in "abc")


def _heard(
    daemon: Daemon, ref: str, created: int, *, runs: bool = False, attrs: dict[str, str] | None = None
) -> Heard:
    record = pb.BuildHistoryRecord(Ref=ref, FrontendAttrs=attrs)
    record.CreatedAt.seconds = created
    event = pb.BuildHistoryEvent(type=pb.STARTED if runs else pb.COMPLETE, record=record)
    return _packed(daemon, event.SerializeToString())


def _packed(daemon: Daemon, packed: bytes) -> Heard:
    return Heard(daemon=daemon, packed=packed, event=history_event(memoryview(packed)))


events = st.lists(
    st.builds(
        _heard,
        st.sampled_from(DAEMONS),
        st.text("xyz", min_size=1, max_size=2),
        st.integers(0, 9),
        runs=st.booleans(),
    ),
    max_size=12,
)


def _refs(heard: tuple[Heard, ...]) -> list[str]:
    return [each.event.ref for each in heard]


@given(events, st.integers(0, 5))
def test_each_build_is_told_once_and_those_that_run_are_told_first(told: list[Heard], limit: int) -> None:
    merged = as_one_history(told, limit)

    runs = [each.event.started for each in merged]
    assert len(set(_refs(merged))) == len(merged)
    assert all(each in told for each in merged)
    assert runs == sorted(runs, reverse=True)
    if limit:
        begun = [each.event.created[0] for each, active in zip(merged, runs, strict=True) if not active]
        assert len(begun) <= limit
        assert begun == sorted(begun, reverse=True)
    else:
        assert set(_refs(merged)) == {each.event.ref for each in told}


def test_one_daemons_history_stays_as_it_is() -> None:
    told = [_heard(DAEMONS[0], "runs", 9, runs=True), _heard(DAEMONS[0], "b", 1), _heard(DAEMONS[0], "a", 5)]

    assert as_one_history(told, 0) == tuple(told)


def test_the_limit_is_for_all_daemons_together_and_keeps_the_latest() -> None:
    told = [
        _heard(DAEMONS[0], "oldest", 1),
        _heard(DAEMONS[0], "latest", 4),
        _heard(DAEMONS[1], "older", 2),
        _heard(DAEMONS[1], "late", 3),
        _heard(DAEMONS[2], "runs", 0, runs=True),
    ]

    assert _refs(as_one_history(told, 2)) == ["runs", "latest", "late"]


def test_a_build_that_ended_while_it_was_told_is_over() -> None:
    told = [_heard(DAEMONS[0], "x", 1, runs=True), _heard(DAEMONS[0], "x", 1)]

    assert as_one_history(told, 0) == (told[1],)


def test_of_a_build_that_was_begun_again_elsewhere_the_latest_counts() -> None:
    told = [_heard(DAEMONS[0], "x", 5), _heard(DAEMONS[1], "x", 8), _heard(DAEMONS[2], "x", 2)]

    assert as_one_history(told, 0) == (told[1],)


def test_what_was_told_is_told_again_only_when_it_has_changed() -> None:
    first, changed = _heard(DAEMONS[0], "x", 1), _heard(DAEMONS[0], "x", 1, attrs={"a": "b"})
    elsewhere = _heard(DAEMONS[1], "x", 1)
    repeated = Repeated([first])

    assert [repeated.add(each) for each in (first, changed, changed, first, elsewhere)] == [
        True,
        False,
        True,
        False,
        False,
    ]


def test_the_order_in_which_a_daemon_packs_a_map_changes_nothing() -> None:
    entries = [field(3, field(1, name) + field(2, "value")) for name in ("one", "two")]
    packed = [field(2, field(1, "ref") + b"".join(each)) for each in (entries, entries[::-1])]
    one, other = (_packed(DAEMONS[0], each) for each in packed)

    assert one.packed != other.packed
    assert Repeated([one]).add(other)
