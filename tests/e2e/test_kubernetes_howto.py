"""What docs/how-to tells users of skaffold and of CI systems to run, run on pods.

The example for skaffold is built by its contract, not by skaffold itself, which takes longer to compile than
all of these tests to run. The contract: `sh -c COMMAND` in the artifact's folder, no stdin, what to build in
the environment; afterwards the image is at the registry, or without a push in the engine of DOCKER_HOST.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.pages import REPOSITORY, blocks
from tests.e2e.program import WARMROUTE
from tests.servers import binaries, images
from tests.servers.cluster import Cluster
from tests.servers.dockerd import Dockerd
from tests.servers.registry import Registry, start_registry

pytestmark = pytest.mark.xdist_group("cluster")

EXAMPLE = REPOSITORY / "examples" / "skaffold"


@pytest.fixture(scope="module")
def reachable(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that pods reach too, with the base image of the example."""
    with start_registry(tmp_path_factory.mktemp("registry"), address=cluster.node_ip) as registry:
        registry.push(images.busybox_image(), "library/busybox")
        yield registry


@pytest.fixture(scope="module")
def private(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that pods reach too, and that wants a password."""
    with start_registry(
        tmp_path_factory.mktemp("private"), "builder", "correct horse", address=cluster.node_ip
    ) as registry:
        yield registry


@pytest.fixture(scope="module")
def daemons(cluster: Cluster, reachable: Registry, private: Registry) -> Iterator[None]:
    """The pods that the pages' commands name; for them one of the registries is Docker Hub."""
    mirrors = f'[registry."docker.io"]\nmirrors = ["{reachable.host}"]\n'
    plain = (f'[registry."{registry.host}"]\nhttp = true\n' for registry in (reachable, private))
    config = mirrors + "".join(plain)
    cluster.apply_buildkitd(replicas=2, namespace="buildkit", config=config)
    yield
    cluster.kubectl("delete", "statefulset", "buildkitd", "--namespace=buildkit", "--wait=false")
    cluster.kubectl("delete", "pods", "--selector=app=buildkitd", "--namespace=buildkit", "--grace-period=1")


@dataclass(frozen=True, kw_only=True)
class Skaffold:
    """Runs the custom build command of the example's only artifact."""

    cluster: Cluster

    def build(self, image: str, *, push: bool, variables: Mapping[str, str]) -> str:
        """Build as `skaffold build` does; return what was written."""
        artifact = read_yaml("skaffold.yaml")["build"]["artifacts"][0]
        workspace = EXAMPLE / artifact["context"]
        repository, _, tag = image.rpartition(":")
        asked = {
            "IMAGE": image,
            "PUSH_IMAGE": str(push).lower(),
            "BUILD_CONTEXT": str(workspace),
            "PLATFORMS": "",
            "SKIP_TEST": "false",
            "IMAGE_REPO": repository,
            "IMAGE_TAG": tag,
        }
        users = {
            "PATH": f"{WARMROUTE.parent}:{SEARCH_PATH}",
            "HOME": "/nonexistent",
            "KUBECONFIG": str(self.cluster.kubeconfig),
        }
        done = subprocess.run(
            ["sh", "-c", artifact["custom"]["buildCommand"]],
            cwd=workspace,
            env={**asked, **variables, **users},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


def read_yaml(name: str) -> Any:
    return yaml.safe_load((EXAMPLE / name).read_text())


@pytest.fixture
def skaffold(cluster: Cluster, daemons: None) -> Skaffold:
    del daemons
    return Skaffold(cluster=cluster)


def test_with_a_push_the_image_is_at_the_registry(skaffold: Skaffold, reachable: Registry) -> None:
    image = f"{reachable.host}/team/hello:1"

    log = skaffold.build(image, push=True, variables={"KUBE_CONTEXT": "warmroute"})

    digest = reachable.digest("team/hello", "1")
    assert f"pushing manifest for {image}@{digest}" in log
    manifest = reachable.manifest("team/hello", "1")
    config = reachable.blob("team/hello", manifest["config"]["digest"])  # type: ignore[index]
    assert b"httpd" in config


def test_without_a_push_the_image_is_in_the_engine_of_docker_host(
    skaffold: Skaffold, dockerd: Dockerd
) -> None:
    skaffold.build("hello:local", push=False, variables=dockerd.environment)

    command = dockerd.cli("image", "inspect", "--format", "{{json .Config.Cmd}}", "hello:local")
    assert "httpd" in command


def test_the_manifest_names_the_image_that_is_built() -> None:
    deployment = read_yaml("k8s/hello.yaml")
    artifact = read_yaml("skaffold.yaml")["build"]["artifacts"][0]

    containers = deployment["spec"]["template"]["spec"]["containers"]
    assert [container["image"] for container in containers] == [artifact["image"]]


def test_the_shell_is_replaced_by_the_build_command() -> None:
    artifact = read_yaml("skaffold.yaml")["build"]["artifacts"][0]

    # An interrupt of skaffold's reaches the shell alone.
    assert artifact["custom"]["buildCommand"].startswith("exec warmroute build ")


@pytest.mark.usefixtures("daemons")
def test_the_job_of_the_ci_page_pushes_and_tells_the_digest(
    cluster: Cluster, private: Registry, tmp_path: Path
) -> None:
    example = REPOSITORY / "examples" / "k8s_buildkitd"
    cluster.kubectl("apply", f"--filename={example / 'base.yaml'}", f"--filename={example / 'client.yaml'}")
    job = write_tree(tmp_path / "job", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    variables = {
        "PATH": f"{WARMROUTE.parent}:{binaries.kubectl().parent}:{SEARCH_PATH}",
        "HOME": str(tmp_path),
        "COMMIT": "0123abc",
        "KUBE_SERVER": f"https://127.0.0.1:{cluster.plan.ports.apiserver}",
        "KUBE_CA_FILE": str(cluster.plan.pki / "ca.crt"),
        "KUBE_TOKEN": cluster.kubectl("create", "token", "builder", "--namespace=buildkit").strip(),
        "REGISTRY": private.host,
        "REGISTRY_USER": str(private.user),
        "REGISTRY_PASSWORD": str(private.password),
    }

    script = "\n".join(["set -e", *blocks("docs/how-to/ci.md", "sh")])
    done = subprocess.run(
        ["sh", "-c", script], cwd=job, env=variables, capture_output=True, text=True, timeout=60, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == private.digest("team/app", "0123abc")
