"""Daemons in containers: of a real Docker engine by its API, of podman by its command."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from router import BuildRequest, ConnectionLostError, DialError, RouterConfig, ToolError
from router.address import parse_address
from router.model.events import Event, SolveStatus
from router.rpc.channel import Channel
from router.solve.control import Control
from router.transport import dial
from router.transport.options import DialOptions
from tests.addressed import addressed
from tests.e2e.builder import Builder, write_tree
from tests.e2e.kubernetes import wait_for, with_busybox
from tests.servers import images
from tests.servers.dockerd import Dockerd
from tests.servers.podman import Podman, start_podman

HELLO = {"Dockerfile": "FROM scratch\nCOPY hello /hello\n", "hello": "hello\n"}
# As much of --privileged as a machine without CAP_SYS_RESOURCE can give.
PRIVILEGED = (
    "--cap-add=ALL",
    "--cap-drop=SYS_RESOURCE",
    "--security-opt=seccomp=unconfined",
    "--device-cgroup-rule=a *:* rwm",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
)


@pytest.fixture(scope="module")
def engine(dockerd: Dockerd) -> Iterator[Dockerd]:
    """An engine with two containers: `builder` runs buildkitd, `bare` has no buildctl."""
    dockerd.load(images.buildkit_tar())
    dockerd.load(images.busybox_tar())
    options = ("--detach", "--network=host", "--security-opt=systempaths=unconfined", *PRIVILEGED)
    dockerd.cli("run", *options, "--name=builder", images.BUILDKIT, "--oci-worker-net=host")
    dockerd.cli("run", "--detach", "--network=host", "--name=bare", images.BUSYBOX, "sleep", "3600")
    try:
        wait_for(
            lambda: dockerd.run("exec", "builder", "buildctl", "debug", "workers").returncode == 0,
            "buildkitd answers in its container",
        )
        yield dockerd
    finally:
        dockerd.cli("rm", "--force", "builder", "bare")


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """podman with the same two containers."""
    with start_podman(tmp_path_factory.mktemp("podman")) as place:
        place.cli("load", "--input", str(images.buildkit_tar()))
        place.cli("load", "--input", str(images.busybox_tar()))
        options = ("--detach", "--security-opt=unmask=ALL", *PRIVILEGED)
        place.cli("run", *options, "--name=builder", images.BUILDKIT, "--oci-worker-net=host")
        place.cli("run", "--detach", "--name=bare", images.BUSYBOX, "sleep", "3600")
        wait_for(lambda: _answers(place), "buildkitd answers in its container")
        yield place


def _answers(podman: Podman) -> bool:
    argv = ["podman", "exec", "builder", "buildctl", "debug", "workers"]
    return subprocess.run(argv, env=podman.environment, capture_output=True, check=False).returncode == 0


def workers(address: str, environment: dict[str, str]) -> int:
    """Ask a daemon for its workers; return how many there are."""
    with Channel(dial(parse_address(address), DialOptions(environment=environment)), peer=address) as channel:
        return len(Control(channel).list_workers(timeout=20).record)


def build(address: str, environment: dict[str, str], scratch: Path) -> dict[str, bytes]:
    """Build on a daemon; return the files of the result."""
    context = write_tree(scratch / "context", {**HELLO, "large": "0123456789abcdef" * (1 << 18)})
    (context / "Dockerfile").write_text("FROM scratch\nCOPY large hello /\n")
    config = RouterConfig(addresses=addressed(("only", address)))
    return Builder(config=config, scratch=scratch, environment=environment).files(
        BuildRequest(context=str(context))
    )


def test_a_build_goes_into_a_container_of_the_engine(engine: Dockerd, tmp_path: Path) -> None:
    built = build("docker-container://builder", engine.environment, tmp_path)
    assert (built["hello"], len(built["large"])) == (b"hello\n", 1 << 22)


def test_the_engine_may_be_named_in_the_address_or_by_a_context(engine: Dockerd, tmp_path: Path) -> None:
    assert workers(f"docker-container://builder?host={engine.host}", {}) == 1
    config = {"DOCKER_CONFIG": str(tmp_path)}
    host = f"host={engine.host}"
    engine.cli("context", "create", "lab", "--docker", host, env={**config, "DOCKER_HOST": ""})
    assert workers("docker-container://builder?context=lab", config) == 1


def test_a_container_that_does_not_exist_is_told(engine: Dockerd) -> None:
    with pytest.raises(DialError, match="there is no container nobody of the Docker engine") as caught:
        workers("docker-container://nobody", engine.environment)
    assert caught.value.hint == "docker ps --all"


def test_a_container_that_does_not_run_is_told(engine: Dockerd) -> None:
    engine.cli("create", "--name=stopped", images.BUSYBOX, "true")
    try:
        with pytest.raises(DialError, match="is not running") as caught:
            workers("docker-container://stopped", engine.environment)
        assert "docker start" in (caught.value.hint or "")
    finally:
        engine.cli("rm", "stopped")


def test_an_engines_container_without_buildctl_is_told(engine: Dockerd) -> None:
    with pytest.raises(DialError, match="can't run buildctl in the container bare") as caught:
        workers("docker-container://bare", engine.environment)
    assert "moby/buildkit" in (caught.value.hint or "")


def test_a_container_that_is_killed_breaks_the_build_off(engine: Dockerd, tmp_path: Path) -> None:
    context = with_busybox(tmp_path / "context", ("RUN echo waiting; sleep 60",))

    def kill(event: Event) -> None:
        if isinstance(event, SolveStatus) and any(b"waiting" in log.data for log in event.logs):
            engine.cli("kill", "builder")

    builder = Builder(
        config=RouterConfig(addresses=addressed(("only", "docker-container://builder")), retries=0),
        scratch=tmp_path,
        environment=engine.environment,
        then=kill,
    )
    try:
        # Whether buildctl sees the daemon's end, or dies with it, is up to the kernel.
        with pytest.raises(ConnectionLostError, match="lost only"):
            builder.build(BuildRequest(context=str(context)))
    finally:
        engine.cli("start", "builder")
        wait_for(
            lambda: engine.run("exec", "builder", "buildctl", "debug", "workers").returncode == 0,
            "buildkitd answers again",
        )


def test_closing_ends_the_command_in_the_container(engine: Dockerd) -> None:
    def commands() -> str:
        return engine.cli("top", "builder")

    stream = dial(parse_address("docker-container://builder"), DialOptions(environment=engine.environment))
    with Channel(stream, peer="builder") as channel:
        Control(channel).list_workers(timeout=20)
        assert "dial-stdio" in commands()
    wait_for(lambda: "dial-stdio" not in commands(), "the command has ended")


def test_a_build_goes_into_a_container_of_podman(podman: Podman, tmp_path: Path) -> None:
    built = build("podman-container://builder", podman.environment, tmp_path)
    assert (built["hello"], len(built["large"])) == (b"hello\n", 1 << 22)


@pytest.mark.parametrize(
    ("name", "told"),
    [("nobody", "no such container"), ("bare", "can't run buildctl in the podman container")],
)
def test_what_podman_can_not_do_is_told(podman: Podman, name: str, told: str) -> None:
    with pytest.raises(DialError, match=told):
        workers(f"podman-container://{name}", podman.environment)


@pytest.mark.parametrize("tool", ["podman", "nerdctl"])
def test_a_tool_that_is_not_installed_is_told(tool: str) -> None:
    with pytest.raises(ToolError, match=f"{tool} is not installed"):
        dial(parse_address(f"{tool}-container://x"), DialOptions(environment={"PATH": "/nonexistent"}))


def test_nerdctl_is_called_as_buildkits_own_tools_call_it(tmp_path: Path) -> None:
    # nerdctl itself needs more of containerd than a test machine has; what it is told is all that is ours.
    said = tmp_path / "said"
    nerdctl = tmp_path / "nerdctl"
    nerdctl.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {said}\n')
    nerdctl.chmod(0o755)
    with pytest.raises(DialError):
        workers("nerdctl-container://b?namespace=k8s.io", {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert said.read_text().split() == [
        *("--namespace", "k8s.io", "exec", "-i", "b", "buildctl", "dial-stdio")
    ]
