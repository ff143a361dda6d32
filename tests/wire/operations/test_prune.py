"""A prune of several daemons of which one breaks off, hangs, or is too old."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading

import pytest

import router.rpc.channel
from router._proto import control_pb2 as pb
from router._proto import worker_pb2
from router.address import parse_address
from router.cancellation import Cancellation
from router.errors import CancelledError, ConnectionLostError, DialError, RpcError
from router.flags.usage_filter import parse_usage_filters
from router.model.daemon import Daemon
from router.operations.debug_daemon import ask_workers
from router.operations.prune import prune
from router.operations.prune_plan import Pruning
from router.operations.usage import CacheRecord
from router.transport.options import DialOptions
from tests.unit.specs.refused import refused
from tests.wire.operations.store_server import StoreServer

_OPTIONS = DialOptions(timeout=10.0)
_TWO = (pb.UsageRecord(ID="a", Size=5), pb.UsageRecord(ID="b", Size=7))
_OLD = worker_pb2.WorkerRecord(BuildkitVersion=worker_pb2.BuildkitVersion(version="v0.16.0"))
_NEW = worker_pb2.WorkerRecord(BuildkitVersion=worker_pb2.BuildkitVersion(version="v0.17.3"))
_UNNAMED = worker_pb2.WorkerRecord(
    BuildkitVersion=worker_pb2.BuildkitVersion(version="v0.0.0+unknown"),
    GCPolicy=[worker_pb2.GCPolicy(maxUsedSpace=1)],
)


def _ignore(_daemon: object, _record: CacheRecord) -> None:
    """Do nothing."""


def test_what_was_deleted_before_an_error_is_told_with_the_error() -> None:
    seen: list[tuple[str, str]] = []
    with StoreServer(*_TWO) as whole, StoreServer(*_TWO, breaks=True) as broken:
        answers = prune(
            [whole.daemon("ash"), broken.daemon("birch")],
            _OPTIONS,
            Pruning(),
            on_record=lambda daemon, record: seen.append((daemon.name, record.id)),
        )

    assert [
        (answer.value.total if answer.value else None, str(answer.error or "")) for answer in answers
    ] == [
        (12, ""),
        (12, "failed to remove: input/output error"),
    ]
    assert sorted(seen) == [("ash", "a"), ("ash", "b"), ("birch", "a"), ("birch", "b")]


def test_a_prune_that_is_interrupted_ends_on_the_daemon_and_tells_what_is_gone() -> None:
    both = threading.Event()

    def see(_daemon: object, record: CacheRecord) -> None:
        if record.id == "b":
            both.set()

    with StoreServer(*_TWO, hangs=True) as server, Cancellation() as cancellation:

        def interrupt() -> None:
            both.wait(20)
            cancellation.cancel("enough")

        waiting = threading.Thread(target=interrupt)
        waiting.start()
        (answer,) = prune(
            [server.daemon("ash")], _OPTIONS, Pruning(), on_record=see, cancellation=cancellation
        )
        waiting.join()
        assert server.cancelled.wait(20)

    assert isinstance(answer.error, CancelledError)
    assert answer.value is not None
    assert answer.value.total == 12


def test_a_daemon_that_freezes_in_the_middle_is_given_up_and_what_it_deleted_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(router.rpc.channel, "_ASK_AFTER", 0.2)
    monkeypatch.setattr(router.rpc.channel, "_LOST_AFTER", 1.0)
    command = [sys.executable, "-m", "tests.wire.operations.store_server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            frozen = Daemon(name="ash", address=parse_address(process.stdout.readline().strip()))
            (answer,) = prune(
                [frozen],
                _OPTIONS,
                Pruning(),
                on_record=lambda *_: process.send_signal(signal.SIGSTOP),
            )
        finally:
            process.kill()

    assert isinstance(answer.error, ConnectionLostError)
    assert answer.error.reason == "silent"
    assert answer.value is not None
    assert answer.value.total == 5


@pytest.mark.parametrize(("question", "sent"), [("prune", False), ("workers", True)])
def test_a_daemon_that_says_nothing_has_no_prune_to_find_when_it_goes_on(question: str, sent: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = Daemon(name="ash", address=parse_address(f"tcp://127.0.0.1:{listener.getsockname()[1]}"))
        options = DialOptions(timeout=0.5)
        if question == "prune":
            (error,) = (answer.error for answer in prune([silent], options, Pruning(), on_record=_ignore))
        else:
            (error,) = (answer.error for answer in ask_workers([silent], options))
        connection, _ = listener.accept()
        with connection, connection.makefile("rb") as stream:
            heard = stream.read()

    assert isinstance(error, DialError)
    assert (b"/moby.buildkit.v1.Control/" in heard) == sent


def test_what_is_asked_for_is_what_was_given() -> None:
    filters = parse_usage_filters(["type=regular", "until=1m30s"])
    with StoreServer(workers=[_NEW]) as server:
        prune(
            [server.daemon("ash")],
            _OPTIONS,
            Pruning(filters=filters, all=True, reserved_space=1, max_used_space=2, min_free_space=3),
            on_record=_ignore,
        )

    assert server.requests == [
        pb.PruneRequest(
            filter=["type==regular"],
            all=True,
            keepDuration=90_000_000_000,
            reservedSpace=1,
            maxUsedSpace=2,
            minFreeSpace=3,
        )
    ]


def test_a_daemon_that_would_not_heed_a_bound_is_not_asked_to_delete() -> None:
    with StoreServer(*_TWO, workers=[_OLD]) as old, StoreServer(workers=[_UNNAMED]) as unnamed:
        daemons = [old.daemon("ash"), unnamed.daemon("birch")]
        refused_, heeded = prune(daemons, _OPTIONS, Pruning(max_used_space=1), on_record=_ignore)
        assert (old.requests, len(unnamed.requests)) == ([], 1)

    assert isinstance(refused_.error, RpcError)
    assert str(refused_.error) == (
        "ash is too old for --max-used-space and --min-free-space, which need BuildKit 0.17: it has v0.16.0"
    )
    assert (refused_.value, heeded.error) == (None, None)


def test_a_daemon_without_the_method_is_named() -> None:
    with StoreServer(pruning=False) as server:
        (answer,) = prune([server.daemon("ash")], _OPTIONS, Pruning(), on_record=_ignore)

    assert str(answer.error).startswith("ash is too old for this: ")
    assert answer.value is None


@pytest.mark.parametrize("text", ["inuse", "parents!=a"])
def test_a_condition_that_a_prune_does_not_test_is_refused_before_anybody_is_asked(text: str) -> None:
    with StoreServer(*_TWO) as server:
        pruning = Pruning(filters=parse_usage_filters([text]))
        refused(lambda: prune([server.daemon("ash")], _OPTIONS, pruning, on_record=_ignore))

    assert server.requests == []
