"""`warmroute fleet up --mtls`: certificates made on the spot, daemons that ask for one."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.kubernetes import HELLO
from tests.e2e.program import Finished, Program
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

NAMESPACE = "secure"
OPTIONS = ("--namespace", NAMESPACE, "--grace-period", "5s", "--requests", "cpu=10m,memory=64Mi", "--mtls")


@pytest.fixture
def program(cluster: Cluster) -> Iterator[Program]:
    """warmroute as administrator; what it made is removed."""
    yield Program(environment={"KUBECONFIG": str(cluster.kubeconfig)})
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found", within=120)


def up(program: Program, folder: Path, *options: str) -> Finished:
    return program.run("fleet", "up", "ci", *OPTIONS, *options, cwd=folder, within=120)


def exported(done: Finished) -> dict[str, str]:
    """Return the variables that a shell would set."""
    assert done.code == 0, done.stderr
    words = [shlex.split(line)[1] for line in done.stdout.splitlines()]
    return dict(word.split("=", 1) for word in words)


def uids(cluster: Cluster) -> set[str]:
    return {pod["metadata"]["uid"] for pod in cluster.pods("app=ci", NAMESPACE)}


def test_daemons_take_builds_from_those_who_have_a_certificate(
    cluster: Cluster, program: Program, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    program = Program(environment={**program.environment, "HOME": str(home)})
    made = exported(up(program, tmp_path, "--create-namespace", "--replicas=1"))
    before = uids(cluster)
    context = write_tree(tmp_path / "context", HELLO)
    by_name = program.run("build", "--fleet=ci", "--key=any", "-v", context)
    client = Program(environment={**program.environment, **made})
    by_port_forward = client.run("build", "--key=any", "-v", context)
    by_pod_ip = client.run("build", "--key=any", "-v", "--via=pod-ip", context)
    stranger = {name: value for name, value in made.items() if "TLS" not in name}
    without = Program(environment={**program.environment, **stranger}).run("build", "--key=any", context)
    again = up(program, tmp_path)
    after = uids(cluster)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    other_ca = up(program, elsewhere)

    assert made == {
        "WARMROUTE_SELECTOR": "app=ci",
        "WARMROUTE_NAMESPACE": NAMESPACE,
        "WARMROUTE_VIA": "port-forward",
        "WARMROUTE_TLS_DIR": str(tmp_path / "ci-certificates" / "client"),
        "WARMROUTE_TLS_SERVER_NAME": "ci",
    }
    for built in (by_name, by_port_forward, by_pod_ip):
        assert built.code == 0, built.stderr
        assert built.daemon == "ci-0"
    assert without.code == 69
    assert again.code == 0, again.stderr
    assert "Secret ci-tls unchanged" in again.stderr
    assert after == before
    assert other_ca.code == 2
    assert "the fleet ci has certificates already" in other_ca.stderr
    assert list(elsewhere.iterdir()) == []


def test_keys_are_for_their_owner_alone_and_new_certificates_replace_the_pods(
    cluster: Cluster, program: Program, tmp_path: Path
) -> None:
    exported(up(program, tmp_path, "--create-namespace", "--replicas=1"))
    before = uids(cluster)
    folder = tmp_path / "ci-certificates"
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.rglob("*.pem")}
    (folder / "daemons" / "cert.pem").unlink()

    renewed = up(program, tmp_path)

    assert set(modes.values()) == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert renewed.code == 0, renewed.stderr
    assert "Secret ci-tls changed" in renewed.stderr
    assert not before & uids(cluster)
    program.ok(
        "ls",
        "--selector=app=ci",
        f"--namespace={NAMESPACE}",
        "--via=port-forward",
        f"--tls-dir={folder / 'client'}",
        "--tls-server-name=ci",
    )


def test_print_has_no_key(program: Program, tmp_path: Path) -> None:
    printed = up(program, tmp_path, "--print")

    assert "kind: Secret" not in printed.stdout
    assert "secretName: ci-tls" in printed.stdout
    assert "the Secret ci-tls is left out" in printed.stderr
    assert list(tmp_path.iterdir()) == []
