"""What a build in a pod takes and brings back: files, secrets, results; over the API server's pods/exec."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest

from tests.e2e.builder import write_tree
from tests.e2e.kubernetes import HELLO, SELECTOR, kubeconfig, with_busybox
from tests.e2e.program import Program
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")


def content_of(root: Path) -> dict[str, str]:
    """Return the digest of every file below a folder."""
    files = [path for path in root.rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.usefixtures("fleet")
def test_twenty_megabytes_go_there_and_back_byte_for_byte(program: Program, tmp_path: Path) -> None:
    source = random.Random(3)
    files: dict[str, str | bytes] = {"large": source.randbytes(12_000_000)}
    files |= {f"small/{number:03}": source.randbytes(number * 64) for number in range(500)}
    context = write_tree(tmp_path / "context", {**files, "Dockerfile": "FROM scratch\nCOPY . /\n"})
    out = tmp_path / "out"

    program.ok("build", "--selector", SELECTOR, "--output", f"type=local,dest={out}", context)

    assert sum(len(data) for data in files.values()) > 19_500_000
    assert content_of(out) == content_of(context)


@pytest.mark.usefixtures("fleet")
def test_a_step_reads_a_secret_that_stays_out_of_everything_else(program: Program, tmp_path: Path) -> None:
    secret = "the-answer-is-forty-two"
    (tmp_path / "secret").write_text(secret)
    lines = ("RUN --mount=type=secret,id=token sha256sum < /run/secrets/token > /sum",)
    context = with_busybox(tmp_path / "context", lines)
    out = tmp_path / "out"
    options = ("--selector", SELECTOR, "--secret", f"id=token,src={tmp_path}/secret", "--progress", "rawjson")

    done = program.ok("build", *options, "-v", "--output", str(out), context)

    assert (out / "sum").read_text().split()[0] == hashlib.sha256(secret.encode()).hexdigest()
    assert secret not in done.stdout + done.stderr
    assert not any(secret in path.read_text(errors="replace") for path in out.rglob("*") if path.is_file())


@pytest.mark.usefixtures("fleet")
def test_a_failing_build_is_told_and_tried_on_no_other_pod(program: Program, tmp_path: Path) -> None:
    context = with_busybox(tmp_path / "context", ("RUN echo the last words; exit 7",))

    done = program.run("build", "--selector", SELECTOR, "-v", context)

    assert done.code == 1
    assert "the last words" in done.stderr
    assert "exit code: 7" in done.stderr
    assert done.stderr.count("building on") == 1


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize("via", ["auto", "exec"])
def test_it_is_told_once_that_exec_does_not_use_the_tls_options(
    program: Program, tmp_path: Path, via: str
) -> None:
    context = write_tree(tmp_path / "context", HELLO)
    tls = write_tree(tmp_path / "tls", {"ca.pem": "", "cert.pem": "", "key.pem": ""})
    options = ("--selector", SELECTOR, "--via", via)

    unused = program.ok("build", *options, "--tls-dir", tls, context)
    without = program.ok("build", *options, context)

    said = "warmroute: connecting to pods by exec: the --tls options are not used (they are with --via pod-ip"
    assert unused.stderr.count(said) == 1
    assert "--tls" not in without.stderr


def test_a_build_away_from_its_cordoned_home_says_so_without_being_asked(
    cluster: Cluster, fleet: tuple[str, ...], program: Program, tmp_path: Path
) -> None:
    assert fleet
    context = write_tree(tmp_path / "context", HELLO)
    options = ("--selector", SELECTOR, "-t", "example.test/away")
    home, second, *_ = [
        each["name"] for each in program.ok("where", *options, "--format", "json").json["order"]
    ]
    program.ok("build", *options, context)  # home is warm, so that the key comes back to it
    cluster.kubectl("annotate", "pod", home, "warmroute.dev/cordon=disk")
    try:
        away = program.ok("build", *options, context)
    finally:
        cluster.kubectl("annotate", "pod", home, "warmroute.dev/cordon-")
    back = program.ok("build", *options, context)

    assert away.stderr.count(f"#0 building on {second} (2nd choice; home {home}: cordoned (disk))\n") == 1
    assert f"warmroute: built on {second} (2nd choice): " in away.stderr
    assert f"#0 building on {home} (home)\n" in back.stderr


def test_a_pod_can_be_named_by_its_address(fleet: tuple[str, ...], program: Program, tmp_path: Path) -> None:
    context = write_tree(tmp_path / "context", HELLO)
    metadata = tmp_path / "metadata.json"

    program.ok("build", "--addr", f"kube-pod://{fleet[2]}", "--metadata-file", metadata, context)

    ref = json.loads(metadata.read_text())["buildx.build.ref"]
    assert ref.startswith(f"warmroute/kube-pod-{fleet[2]}/")


def test_a_pods_ip_can_be_dialled(
    cluster: Cluster, fleet: tuple[str, ...], program: Program, tmp_path: Path
) -> None:
    context = write_tree(tmp_path / "context", HELLO)

    program.ok("build", "--addr", f"tcp://{cluster.pod_ip(fleet[0])}:1234", context)


@pytest.fixture
def elsewhere(cluster: Cluster) -> str:
    """A namespace with one buildkitd pod of its own."""
    cluster.apply_buildkitd("elsewhere", replicas=1, namespace="elsewhere")
    return "elsewhere"


@pytest.mark.usefixtures("fleet")
def test_namespace_and_context_are_those_of_kubectl(cluster: Cluster, elsewhere: str, tmp_path: Path) -> None:
    config = json.loads(cluster.kubeconfig.read_text())
    there = {**config["contexts"][0]["context"], "namespace": elsewhere}
    config["contexts"].append({"name": "there", "context": there})
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    program = Program(environment={"KUBECONFIG": str(tmp_path / "kubeconfig")})
    context = write_tree(tmp_path / "context", HELLO)

    by_namespace = program.ok("build", "-l", "app=elsewhere", "-n", elsewhere, "-v", context)
    by_context = program.ok("build", "-l", "app=elsewhere", "--kube-context", "there", "-v", context)
    by_address = program.ok(
        "build", "--addr", "there=kube-pod://elsewhere-0?namespace=elsewhere", "-v", context
    )
    in_default = program.run("build", "-l", "app=elsewhere", context)

    assert [by_namespace.daemon, by_context.daemon, by_address.daemon] == [
        "elsewhere-0",
        "elsewhere-0",
        "there",
    ]
    assert in_default.code == 69
    assert "no pods" in in_default.stderr or "no buildkitd pods" in in_default.stderr
    assert "kubectl get pods -n default -l app=elsewhere" in in_default.stderr


def test_the_kubeconfig_may_come_as_an_option(
    cluster: Cluster, fleet: tuple[str, ...], tmp_path: Path
) -> None:
    path = kubeconfig(cluster, tmp_path / "kubeconfig", {})

    listed = Program().ok("ls", "--selector", SELECTOR, "--kubeconfig", path, "--format", "json").json

    assert [daemon["name"] for daemon in listed] == list(fleet)
