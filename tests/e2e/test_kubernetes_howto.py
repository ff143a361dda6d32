"""What docs/how-to tells users of skaffold and of CI systems to run, run on pods.

The example for skaffold is built by its contract, not by skaffold itself, which takes longer to compile than
all of these tests to run. The contract: `sh -c COMMAND` in the artifact's folder, no stdin, what to build in
the environment; afterwards the image is at the registry, or without a push in the engine of DOCKER_HOST.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.builder import SEARCH_PATH, write_tree
from tests.e2e.pages import REPOSITORY, blocks
from tests.e2e.program import WARMROUTE, Program
from tests.servers import binaries, images
from tests.servers.buildkitd import start_buildkitd
from tests.servers.cluster import Cluster
from tests.servers.dockerd import Dockerd
from tests.servers.registry import Registry, start_registry

pytestmark = pytest.mark.xdist_group("cluster")

EXAMPLE = REPOSITORY / "examples" / "skaffold"
CI_PAGE = "docs/how-to/ci.md"


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
def unknown(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry that pods reach too, without TLS, which their configuration doesn't name."""
    with start_registry(tmp_path_factory.mktemp("unknown"), address=cluster.node_ip) as registry:
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
    """Runs custom build commands."""

    cluster: Cluster

    def build(self, image: str, *, push: bool, variables: Mapping[str, str]) -> str:
        """Build the example's only artifact; return what was written."""
        artifact = read_yaml("skaffold.yaml")["build"]["artifacts"][0]
        workspace = EXAMPLE / artifact["context"]
        return self.build_artifact(artifact, workspace, image, push=push, variables=variables)

    def build_artifact(
        self,
        artifact: Mapping[str, Any],
        workspace: Path,
        image: str,
        *,
        push: bool,
        variables: Mapping[str, str],
    ) -> str:
        """Build as `skaffold build` does; return what was written."""
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


def test_the_pages_artifacts_build_at_once_and_one_on_another(
    skaffold: Skaffold, reachable: Registry, tmp_path: Path
) -> None:
    config = yaml.safe_load(
        next(block for block in blocks("docs/how-to/skaffold.md", "yaml") if "kind:" in block)
    )
    artifacts = {artifact["image"]: artifact for artifact in config["build"]["artifacts"]}
    write_tree(
        tmp_path,
        {
            "base/Dockerfile": "FROM scratch\nLABEL from=base\nCOPY Dockerfile /base\n",
            "web/Dockerfile": "FROM scratch\nCOPY Dockerfile /web\n",
            "api/Dockerfile": "ARG BASE\nFROM $BASE\nCOPY Dockerfile /api\n",
        },
    )
    where = {"WARMROUTE_SELECTOR": "app=buildkitd", "WARMROUTE_NAMESPACE": "buildkit"}

    def build(name: str, **required: str) -> str:
        artifact, image = artifacts[name], f"{reachable.host}/several/{name}:1"
        folder = tmp_path / artifact["context"]
        skaffold.build_artifact(artifact, folder, image, push=True, variables={**where, **required})
        return f"{image}@{reachable.digest(f'several/{name}', '1')}"

    with ThreadPoolExecutor() as threads:
        base, web = threads.map(build, ("base", "web"))
    alias = artifacts["api"]["requires"][0]["alias"]
    api = build("api", **{alias: base})

    assert len({base, web, api}) == 3
    manifest = reachable.manifest("several/api", "1")
    assert b'"from":"base"' in reachable.blob("several/api", manifest["config"]["digest"])  # type: ignore[index]


def test_the_manifest_names_the_image_that_is_built() -> None:
    deployment = read_yaml("k8s/hello.yaml")
    artifact = read_yaml("skaffold.yaml")["build"]["artifacts"][0]

    containers = deployment["spec"]["template"]["spec"]["containers"]
    assert [container["image"] for container in containers] == [artifact["image"]]


def test_the_shell_is_replaced_by_the_build_command() -> None:
    artifact = read_yaml("skaffold.yaml")["build"]["artifacts"][0]

    # An interrupt of skaffold's reaches the shell alone.
    assert artifact["custom"]["buildCommand"].startswith("exec warmroute build ")


@pytest.fixture
def job(cluster: Cluster, daemons: None, private: Registry, tmp_path: Path) -> Job:
    """A job with the kubeconfig that the page has an administrator write."""
    del daemons
    example = REPOSITORY / "examples" / "k8s_buildkitd"
    cluster.kubectl("apply", f"--filename={example / 'base.yaml'}", f"--filename={example / 'client.yaml'}")
    administrator = {
        "PATH": f"{binaries.kubectl().parent}:{SEARCH_PATH}",
        "KUBE_SERVER": f"https://127.0.0.1:{cluster.plan.ports.apiserver}",
        "KUBE_CA_FILE": str(cluster.plan.pki / "ca.crt"),
        "KUBE_TOKEN": cluster.kubectl("create", "token", "builder", "--namespace=buildkit").strip(),
    }
    made = Job(tmp_path / "job", private)
    made.run(["set -e", blocks(CI_PAGE, "sh")[0]], administrator)
    return made


class Job:
    """Runs the commands of a CI job in a checkout; a CI system's own variables are given for each."""

    def __init__(self, folder: Path, registry: Registry) -> None:
        self.folder = write_tree(folder, {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
        self.kubeconfig = folder / "builder.kubeconfig"
        login = base64.b64encode(f"{registry.user}:{registry.password}".encode()).decode()
        write_tree(
            folder / ".docker", {"config.json": json.dumps({"auths": {registry.host: {"auth": login}}})}
        )

    def run(self, commands: Sequence[str], variables: Mapping[str, str]) -> None:
        """Run commands in one shell, and require that they succeed; warmroute is installed already."""
        script = "\n".join(command for command in commands if not command.startswith("pip install "))
        done = subprocess.run(
            ["bash", "-e", "-c", script],
            cwd=self.folder,
            env={"PATH": f"{WARMROUTE.parent}:{SEARCH_PATH}", "HOME": str(self.folder), **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr


def test_the_workflow_for_github_pushes_and_has_the_digest(job: Job, private: Registry) -> None:
    workflow = yaml.safe_load(blocks(CI_PAGE, "yaml")[0])
    values = {
        "github.repository": "team/github",
        "github.event_name == 'push'": "true",
        "secrets.BUILDER_KUBECONFIG": job.kubeconfig.read_text(),
    }

    def filled_in(text: str) -> str:
        text = text.replace("ghcr.io", private.host)
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: values[found[1]], text)

    given, told = job.folder / "given", job.folder / "told"
    given.touch()
    github = {
        "GITHUB_SHA": "0123abc",
        "GITHUB_ENV": str(given),
        "GITHUB_OUTPUT": str(told),
        "RUNNER_TEMP": str(job.folder),
    }
    for step in workflow["jobs"]["image"]["steps"]:
        from_before = dict(line.split("=", 1) for line in given.read_text().splitlines())
        declared = {**workflow["env"], **step.get("env", {})}
        variables = {name: filled_in(text) for name, text in declared.items()}
        job.run([step.get("run", "true")], {**github, **from_before, **variables})

    assert told.read_text() == f"digest={private.digest('team/github', '0123abc')}\n"


def test_the_pipeline_for_gitlab_pushes_and_keeps_the_metadata(job: Job, private: Registry) -> None:
    pipeline = yaml.safe_load(blocks(CI_PAGE, "yaml")[1])["image"]
    variables = {
        "DOCKER_CONFIG": "/nonexistent",
        "KUBECONFIG": str(job.kubeconfig),
        "CI_COMMIT_SHA": "0123abc",
        "CI_REGISTRY": private.host,
        "CI_REGISTRY_IMAGE": f"{private.host}/team/gitlab",
        "CI_REGISTRY_USER": str(private.user),
        "CI_REGISTRY_PASSWORD": str(private.password),
        **pipeline["variables"],
        **pipeline["rules"][0]["variables"],
    }

    job.run([*pipeline["before_script"], *pipeline["script"]], variables)

    (kept,) = pipeline["artifacts"]["paths"]
    metadata = json.loads((job.folder / kept).read_text())
    assert metadata["containerimage.digest"] == private.digest("team/gitlab", "0123abc")


@pytest.mark.usefixtures("daemons")
def test_a_registry_without_tls_is_refused_until_it_is_allowed_as_the_page_says(
    program: Program, unknown: Registry, tmp_path: Path
) -> None:
    page = "docs/how-to/troubleshooting.md"
    context = write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})
    allowed = next(block for block in blocks(page, "sh") if "registry.insecure" in block)
    command, tag, image, *options = allowed.replace("registry.ci.svc:5000", unknown.host).split()[1:-1]
    (config,) = blocks(page, "toml")
    where = ("--selector=app=buildkitd", "--namespace=buildkit")

    refused = program.run("build", *where, "--tag", image, "--push", context)
    pushed = program.ok(command, *where, tag, image, *options, context)
    with start_buildkitd(
        tmp_path / "daemon", config=config.replace("registry.ci.svc:5000", unknown.host)
    ) as daemon:
        program.ok("build", "--addr", daemon.address, "--tag", f"{image}:2", "--push", context)

    assert refused.code == 1
    assert "server gave HTTP response to HTTPS client" in refused.stderr
    assert f"pushing manifest for {image}" in pushed.stderr
    assert sorted(unknown.tags("team/app")) == ["2", "latest"]


@pytest.mark.usefixtures("daemons")
def test_the_readmes_quick_start_on_pods_pushes(
    cluster: Cluster, reachable: Registry, tmp_path: Path
) -> None:
    start = next(block for block in blocks("README.md", "sh") if "WARMROUTE_SELECTOR" in block)
    context = write_tree(tmp_path, {"Dockerfile": "FROM scratch\nCOPY Dockerfile /\n"})

    # The pods are there already, with a configuration that lets them push to a registry without TLS.
    commands = [line for line in start.splitlines() if not line.startswith("kubectl apply ")]
    done = subprocess.run(
        ["sh", "-e", "-c", "\n".join(commands).replace("registry.example.com", reachable.host)],
        cwd=context,
        env={
            "PATH": f"{WARMROUTE.parent}:{binaries.kubectl().parent}:{SEARCH_PATH}",
            "HOME": str(context),
            "KUBECONFIG": str(cluster.kubeconfig),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert reachable.tags("team/app") == ("latest",)
