"""Each kind of server, once for real: it does its work, and nothing of it is left when it has ended.

Needs the fixtures of `tests.servers.fixtures`.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from tests.servers import binaries, images
from tests.servers.buildkitd import start_buildkitd
from tests.servers.certs import CA
from tests.servers.cluster import Cluster
from tests.servers.dockerd import Dockerd, start_dockerd
from tests.servers.kernel import mount_points
from tests.servers.registry import Registry
from tests.servers.traces import traces


def buildctl(
    address: str, *args: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run buildctl, whatever its exit code."""
    return subprocess.run(
        [binaries.buildctl(), "--addr", address, *args],
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def context(directory: Path, dockerfile: str) -> list[str]:
    """Write a build context; return buildctl's arguments for it."""
    directory.mkdir(exist_ok=True)
    (directory / "Dockerfile").write_text(dockerfile)
    where = (f"--local=context={directory}", f"--local=dockerfile={directory}")
    return ["build", "--frontend=dockerfile.v0", *where]


def test_buildkitd_builds_on_a_private_base_and_pushes(tmp_path: Path, private_registry: Registry) -> None:
    base = private_registry.push(images.busybox_image(), "base")
    name = f"{private_registry.host}/built:1"
    login = {"DOCKER_CONFIG": str(private_registry.docker_config(tmp_path / "docker"))}
    args = context(tmp_path / "context", f"FROM {base}\nRUN test $(id -u) = 0\n")
    metadata = tmp_path / "metadata.json"

    with start_buildkitd(tmp_path / "buildkitd") as daemon:
        output = [f"--output=type=image,name={name},push=true", f"--metadata-file={metadata}"]
        built = buildctl(daemon.address, *args, *output, env=login)
        refused = buildctl(daemon.address, *args, env={"DOCKER_CONFIG": str(tmp_path)})

    assert built.returncode == 0, built.stderr
    digest = json.loads(metadata.read_text())["containerimage.digest"]
    assert digest == private_registry.digest("built", "1")
    assert "401 Unauthorized" in refused.stderr


def test_buildkitd_under_tls_wants_a_certificate_of_its_ca(tmp_path: Path) -> None:
    ca, wrong = CA(), CA()
    tls = ca.write_tls_dir(tmp_path / "good", ca.client())
    wrong_tls = ca.write_tls_dir(tmp_path / "wrong", wrong.client())

    with start_buildkitd(tmp_path / "buildkitd", tls=ca) as daemon:
        accepted = buildctl(daemon.address, f"--tlsdir={tls}", "debug", "workers")
        refused = buildctl(daemon.address, f"--tlsdir={wrong_tls}", "debug", "workers")
        plain = buildctl(daemon.unix_address, "debug", "workers")

    assert (accepted.returncode, refused.returncode, plain.returncode) == (0, 1, 0)


def test_a_killed_buildkitd_leaves_no_build_behind(tmp_path: Path, registry: Registry) -> None:
    base = registry.push(images.busybox_image(), "base")
    endless = f"FROM {base}\nRUN mkfifo /never && echo waiting && cat /never\n"
    command = ["--addr", "", *context(tmp_path / "context", endless), "--progress=plain"]

    with start_buildkitd(tmp_path / "buildkitd") as daemon:
        command[1] = daemon.address
        with subprocess.Popen([binaries.buildctl(), *command], stderr=subprocess.PIPE, text=True) as building:
            assert building.stderr is not None
            assert any(line.endswith(" waiting\n") for line in building.stderr)
            daemon.kill()

    assert "cat /never" not in command_lines()
    assert left_in(tmp_path) == []


def test_dockerd_builds_with_its_own_cli_and_with_buildx(tmp_path: Path, dockerd: Dockerd) -> None:
    dockerd.load(images.busybox_tar())
    (tmp_path / "Dockerfile").write_text(
        "FROM busybox\nRUN --mount=type=secret,id=s test -s /run/secrets/s\n"
    )
    (tmp_path / "secret").write_text("value")
    options = ("--network=host", f"--secret=id=s,src={tmp_path / 'secret'}", str(tmp_path))

    dockerd.cli("build", "--tag=by-docker", *options)
    dockerd.cli("buildx", "build", "--load", "--tag=by-buildx", *options)

    inspected = json.loads(dockerd.cli("image", "inspect", "by-docker", "by-buildx"))
    assert len(inspected) == 2


def test_dockerd_takes_its_containers_with_it(tmp_path: Path) -> None:
    with start_dockerd(tmp_path / "dockerd") as engine:
        engine.load(images.busybox_tar())
        container = engine.cli("run", "--detach", "--network=host", "busybox", "sleep", "1000").strip()

    assert container not in command_lines()
    assert left_in(tmp_path) == []


@pytest.mark.xdist_group("cluster")
def test_pods_of_the_cluster_build_privileged_and_rootless(tmp_path: Path, cluster: Cluster) -> None:
    cluster.apply_buildkitd("smoke", replicas=2, namespace="smoke")
    cluster.apply_buildkitd("smoke-rootless", replicas=1, namespace="smoke", rootless=True)
    args = context(tmp_path, "FROM scratch\nCOPY Dockerfile /\n")
    kubectl = f"{binaries.kubectl().parent}:{os.environ['PATH']}"
    env = {"KUBECONFIG": str(cluster.kubeconfig), "PATH": kubectl}

    for pod in ("smoke-0", "smoke-1", "smoke-rootless-0"):
        through_exec = buildctl(f"kube-pod://{pod}?namespace=smoke", *args, env=env)
        directly = buildctl(f"tcp://{cluster.pod_ip(pod, 'smoke')}:1234", *args)

        assert through_exec.returncode == 0, through_exec.stderr
        assert directly.returncode == 0, directly.stderr
    assert psutil.Process(cluster.pod_pid("smoke-0", "smoke")).name() == "buildkitd"
    cluster.kubectl("delete", "namespace", "smoke", "--wait=false")


def command_lines() -> str:
    """Return the command lines of all processes."""
    return "\n".join(" ".join(p.info["cmdline"] or ()) for p in psutil.process_iter(["cmdline"]))


def left_in(directory: Path) -> list[str]:
    """Return what is still mounted or written down of servers below a folder."""
    mounted = [str(p) for p in mount_points(Path("/proc/self/mountinfo").read_text())]
    recorded = [trace.directory for trace in traces()]
    return [path for path in mounted + recorded if Path(path).is_relative_to(directory)]
