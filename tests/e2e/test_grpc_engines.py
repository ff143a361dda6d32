"""Native builds on both engines of gRPC: the same build, the same result, the same faults."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from router import (
    BuildError,
    BuildRequest,
    Cancellation,
    CancelledError,
    ConnectionLostError,
    Output,
    RouterConfig,
    RpcError,
    Secret,
    TLSOptions,
)
from router.address import parse_address
from router.model.routing import GrpcEngine
from router.rpc import open_channel
from router.solve.control import Control
from router.transport.options import DialOptions
from tests.addressed import addressed
from tests.e2e.builder import Builder, wait_until_idle, write_tree
from tests.e2e.program import Program
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.certs import CA
from tests.servers.registry import Registry
from tests.servers.sshd import HOST, start_sshd

_BIG = 30_000_000


@pytest.fixture(params=get_args(GrpcEngine))
def engine(request: pytest.FixtureRequest) -> GrpcEngine:
    found: GrpcEngine = request.param
    return found


@pytest.fixture
def builder(builder: Builder, engine: GrpcEngine) -> Builder:
    """The native backend on one daemon, by one engine."""
    return replace(builder, config=replace(builder.config, grpc_engine=engine))


@pytest.fixture
def victim(tmp_path: Path) -> Iterator[Buildkitd]:
    """A daemon to break."""
    with start_buildkitd(tmp_path / "victim", unix=False) as daemon:
        yield daemon


def test_context_secret_and_local_output_travel_whole(
    builder: Builder, busybox: str, tmp_path: Path, engine: GrpcEngine
) -> None:
    big = os.urandom(_BIG)
    step = f"RUN --mount=type=secret,id=token cat /run/secrets/token > /token; echo {engine}\n"
    files = {
        "Dockerfile": f"FROM {busybox} AS run\n{step}FROM scratch\nCOPY --from=run /token /\nCOPY big /\n"
    }
    context = write_tree(tmp_path / "context", {**files, "big": big})
    (tmp_path / "secret").write_bytes(b"s3cret")
    out = tmp_path / "out"

    builder.build(
        BuildRequest(
            context=str(context),
            secrets=(Secret(id="token", path=str(tmp_path / "secret")),),
            outputs=(Output(type="local", dest=str(out)),),
        )
    )

    assert (out / "big").read_bytes() == big
    assert (out / "token").read_bytes() == b"s3cret"
    assert builder.log.decode().strip() == engine


def test_a_second_build_is_cached(builder: Builder, busybox: str, tmp_path: Path, engine: GrpcEngine) -> None:
    dockerfile = f"FROM {busybox}\nCOPY a /\nRUN echo {engine}\n"
    context = write_tree(tmp_path / "context", {"Dockerfile": dockerfile, "a": "a"})
    builder.build(BuildRequest(context=str(context)))
    builder.events.clear()

    builder.build(BuildRequest(context=str(context)))

    assert builder.vertexes[f"[3/3] RUN echo {engine}"].cached
    assert builder.log == b""


def test_a_failing_build_is_told_with_the_daemon_s_details(
    builder: Builder, busybox: str, tmp_path: Path, engine: GrpcEngine
) -> None:
    # Of several KiB, as the details of the error then are.
    padding = "".join(f"# {engine} {number}\n" for number in range(2000))
    dockerfile = f"FROM {busybox}\n{padding}RUN echo {engine} >&2; exit 7\n"
    context = write_tree(tmp_path / "context", {"Dockerfile": dockerfile})

    with pytest.raises(BuildError) as caught:
        builder.build(BuildRequest(context=str(context)))

    assert caught.value.step_exit_code == 7
    assert caught.value.log_tail == (engine,)
    assert f"2002 | >>> RUN echo {engine}" in caught.value.excerpt
    assert isinstance(caught.value.__cause__, RpcError)


def test_a_cancelled_build_ends_on_the_daemon(
    builder: Builder, victim: Buildkitd, busybox: str, tmp_path: Path
) -> None:
    context = write_tree(tmp_path / "context", {"Dockerfile": f"FROM {busybox}\nRUN echo begun; sleep 100\n"})
    builder.config = replace(builder.config, addresses=addressed(("victim", victim.address)))

    with Cancellation() as cancellation:
        builder.then = lambda _event: cancellation.cancel() if b"begun" in builder.log else None
        with pytest.raises(CancelledError):
            builder.build(BuildRequest(context=str(context)), cancellation=cancellation)
        builder.then = lambda _event: None

    wait_until_idle(victim.address, within=20.0)


def test_a_daemon_that_falls_silent_is_noticed_in_time(victim: Buildkitd) -> None:
    options = DialOptions(grpc_engine="grpcio")
    began = time.monotonic()
    with open_channel(parse_address(victim.address), options, peer="victim") as channel:
        Control(channel).history(lambda _event: None, follow=True)
        victim.freeze()
        try:
            with pytest.raises(ConnectionLostError) as caught:
                channel.run(lambda: False, timeout=60)
        finally:
            victim.thaw()

    assert caught.value.reason == "silent"
    assert time.monotonic() - began < 25


def test_tls_with_a_client_certificate(engine: GrpcEngine, tmp_path: Path) -> None:
    context = write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "a"})
    ca = CA()
    certs = ca.write_tls_dir(tmp_path / "tls", ca.client())
    tls = TLSOptions(ca=f"{certs}/ca.pem", cert=f"{certs}/cert.pem", key=f"{certs}/key.pem")
    with start_buildkitd(tmp_path / "d", unix=False, tls=ca) as daemon:
        config = RouterConfig(addresses=addressed(("tls", daemon.address)), tls=tls, grpc_engine=engine)

        files = Builder(config=config, scratch=tmp_path).files(BuildRequest(context=str(context)))

    assert files == {"a": b"a"}


@pytest.mark.parametrize("scheme", ["unix", "ssh"])
def test_a_stream_of_another_kind(
    scheme: str, engine: GrpcEngine, buildkitd: Buildkitd, tmp_path: Path
) -> None:
    context = write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "a" * _BIG})
    remote = f"{binaries.buildctl().parent}:/usr/bin:/bin"
    with start_sshd(tmp_path / "sshd", remote_path=remote) as sshd:
        address = buildkitd.unix_address if scheme == "unix" else f"ssh://{HOST}{buildkitd.socket}"
        builder = Builder(
            config=RouterConfig(addresses=addressed(("one", address)), grpc_engine=engine),
            scratch=tmp_path,
            environment={"PATH": sshd.path},
        )

        files = builder.files(BuildRequest(context=str(context)))

    assert files == {"a": b"a" * _BIG}


def test_the_program_prints_nothing_of_grpcio_s_own(registry: Registry, tmp_path: Path) -> None:
    context = write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    program = Program(environment={"WARMROUTE_GRPC_ENGINE": "grpcio"})

    done = program.run("build", "--addr", f"tcp://{registry.host}", "--quiet", context)

    assert done.code == 69
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["ERROR", "hint"]
