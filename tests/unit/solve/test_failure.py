"""From a failed Solve and what was seen before it to the error that the user sees."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from router.errors import (
    BuildError,
    ConnectionLostError,
    DialError,
    OutputError,
    RouterError,
    RpcError,
    TransferError,
    UsageError,
)
from router.model.events import SolveStatus, Vertex, VertexLog
from router.rpc.grpc import Status, status_error
from router.solve.failure import BuildObserver, explain

SOURCE = "github.com/moby/buildkit/errdefs.Source+json"
DOCKERFILE = b"FROM scratch\n\nRUN one && \\\n    two\nCOPY . /\n"


def failed(name: str = "RUN", error: str = "exit code: 1") -> SolveStatus:
    return SolveStatus(vertexes=(Vertex(digest=name, name=name, started=1, completed=2, error=error),))


def done(name: str = "RUN") -> SolveStatus:
    return SolveStatus(vertexes=(Vertex(digest=name, name=name, started=1, completed=2),))


def wrote(data: bytes, name: str = "RUN") -> SolveStatus:
    return SolveStatus(logs=(VertexLog(vertex=name, data=data),))


def told(*statuses: SolveStatus, error: RpcError | None = None) -> BuildError:
    observer = BuildObserver()
    for status in statuses:
        observer.see(status)
    return observer.build_error(error or RpcError("it failed", code=Status.UNKNOWN))


def source(first: int, last: int, type_url: str = SOURCE) -> tuple[str, bytes]:
    info = {"filename": "Dockerfile", "data": b64encode(DOCKERFILE).decode()}
    places = [{"start": {"line": first, "character": 0}, "end": {"line": last}}]
    return type_url, json.dumps({"info": info, "ranges": places}).encode()


def failing_at(*details: tuple[str, bytes]) -> RpcError:
    return RpcError("it failed", code=Status.UNKNOWN, details=details)


def test_the_failing_step_is_named() -> None:
    assert told(done("FROM"), failed("RUN")).step == "RUN"


def test_a_step_that_was_cancelled_is_not_the_one_that_failed() -> None:
    statuses = failed("RUN"), failed("COPY", error="rpc error: context canceled")

    assert told(*statuses).step == "RUN"


@pytest.mark.parametrize(
    ("chunks", "tail"),
    [
        ([], ()),
        ([b"one\ntwo\n"], ("one", "two")),
        ([b"on", b"e\nt", b"wo"], ("one", "two")),
        ([b"one\r\ntwo\r\n"], ("one", "two")),
        ([b"\xff\n"], ("\ufffd",)),
        ([b"".join(b"%d\n" % number for number in range(30))], tuple(map(str, range(10, 30)))),
    ],
)
def test_the_last_lines_of_the_failing_step_are_kept(chunks: list[bytes], tail: tuple[str, ...]) -> None:
    assert told(*map(wrote, chunks), failed()).log_tail == tail


def test_the_lines_of_other_steps_are_not() -> None:
    assert told(wrote(b"other\n", "COPY"), wrote(b"mine\n"), failed()).log_tail == ("mine",)


def test_a_line_without_end_does_not_fill_the_memory() -> None:
    error = told(*[wrote(b"x" * 100_000)] * 20, failed())

    assert [len(line) for line in error.log_tail] == [8192]


def test_the_place_in_the_dockerfile_is_shown() -> None:
    error = told(error=failing_at(source(3, 4)))

    assert error.excerpt.splitlines() == [
        "Dockerfile:3",
        "-" * 20,
        "   2 |     ",
        "   3 | >>> RUN one && \\",
        "   4 | >>>     two",
        "   5 |     COPY . /",
        "-" * 20,
    ]


@pytest.mark.parametrize(
    "detail",
    [
        ("type.googleapis.com/google.rpc.Status", b"{}"),
        (SOURCE, b"no JSON"),
        (SOURCE, b"[]"),
        (SOURCE, b"{}"),
        (SOURCE, b'{"info": null, "ranges": null}'),
        (SOURCE, b'{"info": {"data": "%%%"}, "ranges": [{"start": {"line": 1}}]}'),
        (SOURCE, b'{"info": {}, "ranges": [{"start": {}}]}'),
        source(99, 99),
    ],
)
def test_a_place_that_makes_no_sense_hides_nothing(detail: tuple[str, bytes]) -> None:
    error = told(error=failing_at(detail))

    assert (str(error), error.excerpt) == ("failed to solve: it failed", "")


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("failed to push r/app: unexpected status: 401 Unauthorized", "docker login"),
        ("failed to authorize: no token for r: the token server answers 403", "docker login"),
        (
            "failed to authorize: no token for r.example:5000: the token server is on plain http",
            "--registry-auth-tlscontext host=r.example:5000,insecure=true",
        ),
        ("failed to authorize: authorization failed: no basic auth credentials", "docker login"),
        ("http: server gave HTTP response to HTTPS client", "registry.insecure=true"),
        ('unknown cache exporter: "registry"', "--addr or --selector"),
        ('exporter "oci" could not be found', "--addr or --selector"),
        ("exporting multiple references to image store is currently unsupported", "--addr or --selector"),
        ("failed to load LLB: security.insecure is not allowed", "--allow security.insecure"),
        ("failed to load LLB: network.host is not allowed", "--allow network.host"),
        (
            "granting entitlement network.host is not allowed by build daemon configuration",
            "insecure-entitlements in buildkitd.toml",
        ),
        ('process "grep 401 Unauthorized" did not complete successfully: exit code: 1', ""),
        ("exit code: 1", ""),
    ],
)
def test_what_can_be_done_is_said(message: str, hint: str) -> None:
    error = told(error=RpcError(message, code=Status.UNKNOWN))

    assert hint in (error.hint or "")
    assert bool(hint) == bool(error.hint)


def explained(error: RouterError, *own: RouterError) -> RouterError:
    return explain(error, own=own, observer=BuildObserver(), daemon="warm-0")


def test_a_web_server_is_no_daemon() -> None:
    answered = status_error({":status": ["404"]}, "/Solve")
    assert answered is not None

    error = explained(answered)

    assert isinstance(error, DialError)
    assert str(error).startswith("warm-0 is not a BuildKit daemon: ")


def test_a_proxy_that_lost_its_daemon_lost_the_build() -> None:
    answered = status_error({":status": ["502"]}, "/Solve")
    assert answered is not None

    assert isinstance(explained(answered), ConnectionLostError)


def test_what_failed_on_this_side_is_the_cause_of_the_daemons_echo() -> None:
    cause = UsageError("can't send 'a': permission denied")

    assert explained(RpcError("rpc error: can't send 'a'", code=Status.UNKNOWN), cause) is cause


def test_of_several_failures_on_this_side_the_first_counts() -> None:
    first, second = OutputError("disk full"), UsageError("later")

    assert explained(RpcError("x", code=Status.UNKNOWN), first, second) is first


def test_a_transfer_that_the_daemon_broke_off_explains_nothing() -> None:
    error = explained(RpcError("exit code: 1", code=Status.UNKNOWN), TransferError("context canceled"))

    assert isinstance(error, BuildError)


@pytest.mark.parametrize(
    "answer",
    [
        RpcError("transport is closing", code=Status.UNAVAILABLE, temporary=True),
        RpcError("context canceled", code=Status.CANCELLED),
    ],
)
def test_a_daemon_that_gives_a_build_up_is_a_fault_of_the_path(answer: RpcError) -> None:
    error = explained(answer)

    assert isinstance(error, ConnectionLostError)
    assert str(error).startswith("warm-0 broke off the build: ")
    assert error.temporary


def typed(name: str, **fields: object) -> tuple[str, bytes]:
    return f"github.com/moby/buildkit/{name}+json", json.dumps(fields).encode()


def test_of_several_steps_that_failed_the_one_that_the_daemon_names_is_told() -> None:
    error = failing_at(typed("errdefs.Vertex", digest="first"), typed("gatewayapi.ExitMessage", Code=42))

    explained = told(wrote(b"why\n", "first"), failed("first"), failed("second"), error=error)

    assert (explained.step, explained.vertex) == ("first", "first")
    assert explained.log_tail == ("why",)
    assert explained.step_exit_code == 42


@pytest.mark.parametrize("fields", [{}, {"digest": 1}, {"digest": "unknown"}])
def test_a_step_that_nobody_told_of_is_the_last_that_failed(fields: dict[str, object]) -> None:
    explained = told(failed("first"), failed("second"), error=failing_at(typed("errdefs.Vertex", **fields)))

    assert explained.step == "second"
    assert explained.step_exit_code is None


def test_typed_errors_are_read_from_the_details() -> None:
    error = failing_at(
        typed("stack.Stack", frames=[]),
        ("type.googleapis.com/google.rpc.Status", b"{}"),
        ("github.com/moby/buildkit/errdefs.Solve+json", b"no JSON"),
        ("github.com/moby/buildkit/errdefs.Solve+json", b"[]"),
        typed("errdefs.Vertex", digest="a"),
    )

    assert error.typed == (("stack.Stack", {"frames": []}), ("errdefs.Vertex", {"digest": "a"}))
