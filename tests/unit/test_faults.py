"""Which faults are the path's, the daemon's and the build's: by the error alone."""

from __future__ import annotations

import pytest

from router.errors import (
    BuildError,
    BusyError,
    CancelledError,
    ConnectionLostError,
    DialError,
    FleetError,
    OutputError,
    OverloadError,
    RouterError,
    RpcError,
    TimeLimitError,
    ToolError,
    UsageError,
)
from router.faults import Fault, fault_of

UNKNOWN = 2


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (DialError("connection refused"), "unreached"),
        (ConnectionLostError("closed by the far end"), "lost"),
        (OverloadError("disk full"), "overload"),
        (BusyError("8 builds in flight", builds=8), "busy"),
        (BuildError("failed to solve"), "final"),
        (OutputError("no space left on device"), "final"),
        (UsageError("no Dockerfile"), "final"),
        (ToolError("buildctl is missing"), "final"),
        (FleetError("forbidden"), "final"),
        (CancelledError("interrupted"), "final"),
        (TimeLimitError("60 s have passed"), "final"),
        (RouterError("anything else"), "final"),
    ],
)
def test_an_error_of_ours_says_by_its_class_what_it_is(error: RouterError, fault: Fault) -> None:
    assert fault_of(error) == fault


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (14, "the connection is draining"),
        (1, "context canceled"),
        (
            UNKNOWN,
            "failed to load: rpc error: code = Unavailable desc = error reading from server: EOF",
        ),
        (UNKNOWN, "failed to read dockerfile: no active session for q5wmp7zr: context deadline exceeded"),
        (UNKNOWN, "could not access local files without session: no active sessions"),
        (UNKNOWN, "failed to copy: transport is closing"),
    ],
)
def test_a_daemon_that_lost_sight_of_something_lost_the_build(code: int, message: str) -> None:
    assert fault_of(RpcError(message, code=code)) == "lost"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (8, "too many requests in flight"),
        (UNKNOWN, "failed to copy files: write /a: no space left on device"),
        (UNKNOWN, "mkdir /var/lib/buildkit/x: disk quota exceeded"),
        (UNKNOWN, "fork/exec /usr/bin/runc: cannot allocate memory"),
        (UNKNOWN, "pipe2: too many open files"),
    ],
)
def test_a_daemon_without_room_is_overloaded(code: int, message: str) -> None:
    assert fault_of(RpcError(message, code=code)) == "overload"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (UNKNOWN, 'process "/bin/sh -c make" did not complete successfully: exit code: 137'),
        (UNKNOWN, 'process "/bin/sh -c make" did not complete successfully: cannot allocate memory'),
        (
            UNKNOWN,
            'process "code = Unavailable desc = " did not complete successfully',
        ),
        (UNKNOWN, "failed to do request: connection reset by peer"),
        (4, "failed to do request: context deadline exceeded"),
        (5, "docker.io/library/nothing:latest: not found"),
        (8, "grpc: received message larger than max (20000000 vs. 16777216)"),
        (12, "unknown method Solve"),
        (13, "internal error"),
        (16, "authentication required"),
    ],
)
def test_everything_else_that_a_daemon_answers_is_the_build_s_fault(code: int, message: str) -> None:
    assert fault_of(RpcError(message, code=code)) == "final"


def test_what_grpc_calls_temporary_lost_the_build() -> None:
    assert fault_of(RpcError("the peer reset the call", code=13, temporary=True)) == "lost"
