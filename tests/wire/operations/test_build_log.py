"""Following a build that has nothing to say for long."""

from __future__ import annotations

import threading

import pytest

from router.cancellation import Cancellation
from router.errors import CancelledError, ConnectionLostError
from router.model.record import BuildRecord
from router.operations.build_log import follow_build
from router.operations.records import DaemonRecord
from router.rpc import channel
from router.solve import control
from router.transport.options import DialOptions
from tests.wire.operations.status_server import StatusServer


def test_a_build_that_is_quiet_for_long_is_followed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """gRPC servers end connections on which several PINGs arrive and nothing else is said."""
    monkeypatch.setattr(channel, "_ASK_AFTER", 0.2)
    monkeypatch.setattr(control, "QUIET", 0.1)
    with StatusServer() as server, Cancellation() as cancellation:
        threading.Timer(3, cancellation.cancel).start()
        with pytest.raises(CancelledError):
            _follow(server, cancellation)


def test_a_daemon_that_does_not_answer_meanwhile_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "QUIET", 0.1)
    monkeypatch.setattr(control, "_ALIVE", 0.5)
    with (
        StatusServer(answers=False) as server,
        Cancellation() as cancellation,
        pytest.raises(ConnectionLostError, match="has been silent for 1 s") as lost,
    ):
        _follow(server, cancellation)

    assert lost.value.reason == "silent"


def _follow(server: StatusServer, cancellation: Cancellation) -> None:
    build = DaemonRecord(daemon=server.daemon, record=BuildRecord(ref="x", frontend="", created=1))
    follow_build(build, DialOptions(timeout=10), lambda _status: None, cancellation)
