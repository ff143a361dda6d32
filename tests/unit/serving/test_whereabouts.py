"""Which daemon has what."""

from __future__ import annotations

from router._proto import control_pb2 as pb
from router.address import parse_address
from router.model.daemon import Daemon
from router.serving.whereabouts import Whereabouts

ONE, TWO = (Daemon(name=name, address=parse_address(f"tcp://{name}:1234")) for name in ("one", "two"))


def test_the_daemon_that_had_it_last_is_the_first_to_ask() -> None:
    known = Whereabouts()
    known.note("ref", ONE)
    known.note("ref", TWO)

    assert known.first("ref", (ONE, TWO)) == (TWO,)
    assert known.first("other", (ONE, TWO)) == ()
    assert known.first("ref", (ONE,)) == ()  # the daemon has left the fleet


def test_a_record_says_where_all_its_blobs_are() -> None:
    record = pb.BuildHistoryRecord(Ref="ref")
    record.logs.digest, record.trace.digest, record.externalError.digest = "logs", "trace", "error"
    record.Result.ResultDeprecated.digest = "result"
    record.Result.Attestations.add(digest="attestation")
    record.Results["linux/arm64"].Results[0].digest = "of arm"
    known = Whereabouts()
    known.note_event(pb.BuildHistoryEvent(type=pb.COMPLETE, record=record).SerializeToString(), TWO)

    for name in ("ref", "logs", "trace", "error", "result", "attestation", "of arm"):
        assert known.first(name, (ONE, TWO)) == (TWO,)


def test_that_a_record_was_deleted_says_nothing_of_where_it_is() -> None:
    known = Whereabouts()
    deleted = pb.BuildHistoryEvent(type=pb.DELETED, record=pb.BuildHistoryRecord(Ref="ref"))
    known.note_event(deleted.SerializeToString(), ONE)

    assert known.first("ref", (ONE,)) == ()


def test_what_daemons_say_fills_no_memory() -> None:
    known = Whereabouts()
    for number in range(60_000):
        known.note(f"{number}", ONE)
    known.note("x" * 1000, ONE)

    assert known.first("0", (ONE,)) == ()
    assert known.first("59999", (ONE,)) == (ONE,)
    assert known.first("x" * 1000, (ONE,)) == ()
