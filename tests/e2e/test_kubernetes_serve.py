"""The manifests of examples/serve/kubernetes, applied with this machine's Python in the place of an image."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.builder import write_tree
from tests.e2e.kubernetes import EXAMPLE, HELLO, NAMESPACE, applied
from tests.e2e.program import WARMROUTE
from tests.e2e.test_kubernetes_incluster import mounts
from tests.servers import binaries, images
from tests.servers.certs import CA
from tests.servers.cluster import Cluster

pytestmark = [pytest.mark.xdist_group("cluster"), pytest.mark.usefixtures("daemons")]

MANIFESTS = EXAMPLE.parent / "serve" / "kubernetes"
_BUILD = ("build", "--frontend=dockerfile.v0", "--progress=plain")


@pytest.fixture(scope="module")
def daemons(cluster: Cluster) -> Iterator[tuple[str, ...]]:
    """The example's daemons, and the account that may build on them."""
    cluster.kubectl("apply", f"--filename={EXAMPLE / 'base.yaml'}", f"--filename={EXAMPLE / 'client.yaml'}")
    with applied(cluster, "privileged.yaml") as names:
        yield names


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", HELLO)


def read(name: str) -> list[Any]:
    return list(yaml.safe_load_all((MANIFESTS / name).read_text(encoding="utf-8")))


def stand_in(spec: dict[str, Any], context: Path) -> None:
    """Give the containers this machine's files, which root alone can read, in the place of their images."""
    paths = {**mounts(context), str(binaries.buildctl().parent): str(binaries.buildctl().parent)}
    spec["volumes"] = [
        *spec.get("volumes", ()),
        *({"name": f"v{number}", "hostPath": {"path": path}} for number, path in enumerate(paths.values())),
    ]
    spec.pop("securityContext", None)
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        container |= {"image": images.BUSYBOX, "imagePullPolicy": "Never"}
        if container["name"] == "warmroute":
            container["command"] = [str(WARMROUTE), *container["command"][1:]]
        else:
            container["command"] = ["/bin/busybox", "sleep", "3600"]
        for name in ("runAsNonRoot", "runAsUser", "capabilities"):
            container.get("securityContext", {}).pop(name, None)
        container["volumeMounts"] = [
            *container.get("volumeMounts", ()),
            *(
                {"name": f"v{number}", "mountPath": path, "readOnly": True}
                for number, path in enumerate(paths)
            ),
        ]
    spec["terminationGracePeriodSeconds"] = 0


def apply(cluster: Cluster, manifests: Sequence[object]) -> None:
    cluster.apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests}))


def test_a_container_beside_the_endpoint_builds_by_it(cluster: Cluster, context: Path) -> None:
    (pod,) = read("sidecar.yaml")
    stand_in(pod["spec"], context)
    apply(cluster, [pod])
    where = (f"--namespace={NAMESPACE}", "pod/runner")
    try:
        cluster.kubectl("wait", "--for=condition=Ready", "--timeout=60s", *where)
        local = ("--local=context=/context", "--local=dockerfile=/context")
        cluster.kubectl("exec", *where, "--container=runner", "--", str(binaries.buildctl()), *_BUILD, *local)
        said = cluster.kubectl("logs", *where, "--container=warmroute")
    finally:
        cluster.kubectl("delete", "--wait=false", *where)

    assert "listening on tcp://127.0.0.1:1234" in said


def test_clients_with_a_certificate_build_by_the_deployment(
    cluster: Cluster, context: Path, tmp_path: Path
) -> None:
    deployment, service = read("deployment.yaml")
    ca, server_name = CA(), "warmroute.buildkit.svc"
    files = ca.write_tls_dir(tmp_path / "server", ca.server([server_name]))
    client = ca.write_tls_dir(tmp_path / "client", ca.client("ci"))
    given = [f"--from-file={files / name}" for name in ("ca.pem", "cert.pem", "key.pem")]
    own = f"--namespace={NAMESPACE}"
    cluster.kubectl("create", "secret", "generic", "warmroute-tls", own, *given)
    stand_in(deployment["spec"]["template"]["spec"], context)
    apply(cluster, [deployment, service])
    try:
        names = cluster.wait_ready("app=warmroute", 2, namespace=NAMESPACE)
        address = f"tcp://{cluster.pod_ip(names[0], NAMESPACE)}:1234"
        argv = [str(binaries.buildctl()), "--addr", address, "--tlsservername", server_name]
        local = (f"--local=context={context}", f"--local=dockerfile={context}")
        run = subprocess.run(
            [*argv, "--tlsdir", str(client), *_BUILD, *local],
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        plain = subprocess.run([*argv, "debug", "workers"], timeout=60, capture_output=True, check=False)
        assert plain.returncode != 0
    finally:
        for what in ("deployment/warmroute", "service/warmroute", "secret/warmroute-tls"):
            cluster.kubectl("delete", "--wait=false", own, what)
