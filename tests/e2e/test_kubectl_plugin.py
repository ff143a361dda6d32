"""warmroute as a command of the real kubectl."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.e2e.builder import SEARCH_PATH
from tests.e2e.kubernetes import SELECTOR
from tests.e2e.processes import Installed
from tests.servers import binaries
from tests.servers.buildkitd import Buildkitd
from tests.servers.cluster import Cluster


class Kubectl(Installed):
    """The cluster's own kubectl, with nothing on PATH but one directory and the system's."""

    @property
    def variables(self) -> dict[str, str]:
        return {"HOME": "/nonexistent", **self.environment}


def kubectl(plugins: Path, environment: Mapping[str, str]) -> Kubectl:
    path = {"PATH": f"{plugins}:{SEARCH_PATH}"}
    return Kubectl(name=str(binaries.kubectl()), environment={**environment, **path})


def test_kubectl_has_a_command_warmroute_from_install_to_uninstall(
    buildkitd_three: Sequence[Buildkitd], tmp_path: Path
) -> None:
    fleet = ",".join(f"{name}={each.address}" for name, each in zip("abc", buildkitd_three, strict=True))
    of_kubectl = kubectl(tmp_path, {"WARMROUTE_ADDR": fleet})
    warmroute = Installed(environment={"WARMROUTE_ADDR": fleet})
    assert 'unknown command "warmroute"' in of_kubectl.run("warmroute", "ls").stderr

    warmroute.ok("install", "kubectl-plugin", tmp_path)
    listed = of_kubectl.ok("warmroute", "ls")
    assert re.findall(r"^(\w) +tcp://\S+ +ready ", listed.stdout, re.MULTILINE) == ["a", "b", "c"]
    wrong = of_kubectl.run("warmroute", "ls", "--nonsense")
    assert wrong.code == 2
    assert "see kubectl warmroute ls --help" in wrong.stderr
    assert "--context" in of_kubectl.ok("warmroute", "where", "--help").stdout

    warmroute.ok("uninstall", "kubectl-plugin", tmp_path)
    assert 'unknown command "warmroute"' in of_kubectl.run("warmroute", "ls").stderr


@pytest.mark.xdist_group("cluster")
def test_kubectls_options_say_which_cluster_and_namespace(
    cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path
) -> None:
    config = json.loads(cluster.kubeconfig.read_text())
    (real,) = config["contexts"]
    nowhere = {"name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"}}
    other = {"cluster": "nowhere", "user": real["context"]["user"], "namespace": "other"}
    config["clusters"].append(nowhere)
    config["contexts"] = [
        {"name": "lab", "context": {**real["context"], "namespace": "other"}},
        {"name": "current", "context": other},
    ]
    config["current-context"] = "current"
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    of_kubectl = kubectl(tmp_path, {"KUBECONFIG": str(tmp_path / "kubeconfig")})
    Installed().ok("install", "kubectl-plugin", tmp_path)

    cluster.wait_ready(SELECTOR, len(fleet))
    names = ("warmroute", "ls", "--format=json", "--connect-timeout=20", "-l", SELECTOR)
    listed = of_kubectl.ok(*names, "--context", "lab", "-n", "default").json
    assert sorted(each["name"] for each in listed) == sorted(fleet)
    assert of_kubectl.ok(*names, "--context=lab").json == []
    assert "127.0.0.1:1" in of_kubectl.run(*names, "-n", "default").stderr
