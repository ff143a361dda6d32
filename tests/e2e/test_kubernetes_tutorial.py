"""docs/tutorial.md, followed word for word: every command of it, in order, in one shell.

Only the pods' Docker Hub is another one: a registry of this machine, given to them by a configuration that is
added to the example's manifest.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.e2e.builder import SEARCH_PATH
from tests.e2e.program import WARMROUTE
from tests.servers import binaries, images
from tests.servers.cluster import Cluster
from tests.servers.registry import Registry, start_registry

pytestmark = pytest.mark.xdist_group("cluster")

REPOSITORY = Path(__file__).parents[2]
MANIFESTS = Path("examples", "k8s_buildkitd")


@pytest.fixture
def docker_hub(cluster: Cluster, tmp_path: Path) -> Iterator[Registry]:
    """A registry that pods reach, with the base image of the tutorial."""
    with start_registry(tmp_path / "registry", address=cluster.node_ip) as registry:
        registry.push(images.busybox_image(), "library/busybox")
        yield registry


@pytest.fixture
def repository(docker_hub: Registry, tmp_path: Path) -> Path:
    """A folder with the manifests, and the registry in them."""
    folder = tmp_path / "repository"
    shutil.copytree(REPOSITORY / MANIFESTS, folder / MANIFESTS)
    host = docker_hub.host
    config = f'[registry."docker.io"]\nmirrors = ["{host}"]\n[registry."{host}"]\nhttp = true\n'
    meta = {"name": "mirror", "namespace": "buildkit"}
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta}
    path = folder / MANIFESTS / "privileged.yaml"
    stateful_set = yaml.safe_load(path.read_text())
    pod = stateful_set["spec"]["template"]["spec"]
    pod["volumes"].append({"name": "config", "configMap": {"name": "mirror"}})
    pod["containers"][0]["volumeMounts"].append({"name": "config", "mountPath": "/etc/buildkit"})
    path.write_text(yaml.safe_dump_all([{**config_map, "data": {"buildkitd.toml": config}}, stateful_set]))
    return folder


def test_the_tutorial_works_as_it_is_written(cluster: Cluster, repository: Path) -> None:
    page = (REPOSITORY / "docs" / "tutorial.md").read_text()
    commands = re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE)

    done = subprocess.run(
        ["sh", "-ec", "\n".join(commands)],
        cwd=repository,
        env={
            "PATH": f"{WARMROUTE.parent}:{binaries.kubectl().parent}:{SEARCH_PATH}",
            "HOME": str(repository),
            "KUBECONFIG": str(cluster.kubeconfig),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    homes = re.findall(r"building on (\S+) \(home\)", done.stdout)
    assert homes == ["buildkitd-2", "buildkitd-2", "buildkitd-1", "buildkitd-2"]
    ran = re.findall(r"RUN sleep 3.*\n#\d+ (CACHED|DONE)", done.stdout)
    assert ran == ["DONE", "CACHED", "DONE", "DONE", "CACHED"]
    assert "no output was asked for: the result stays in the build cache of buildkitd-2 only" in done.stdout
    assert "\nhello from the cache\n" in done.stdout
    assert not (repository / "out").exists()
