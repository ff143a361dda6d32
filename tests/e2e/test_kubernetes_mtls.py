"""mtls.yaml with the certificates that the example's script makes: who builds, and what others are told."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from tests.e2e.builder import write_tree
from tests.e2e.example_fleet import (
    PRODUCTION,
    SERVER_NAME,
    WHERE,
    Certificates,
    put_secret,
    run_commands,
    secured,
)
from tests.e2e.kubernetes import EXAMPLE, HELLO, NAMESPACE, SELECTOR, with_busybox, workloads_of
from tests.e2e.pages import blocks
from tests.e2e.program import Finished, Program
from tests.servers import binaries, images
from tests.servers.certs import CA, Pair
from tests.servers.cluster import Cluster

pytestmark = pytest.mark.xdist_group("cluster")

WAYS = ("pod-ip", "port-forward")
ALONE = f"kube-pod://buildkitd-0?namespace={NAMESPACE}"


@pytest.fixture(scope="module")
def certificates(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Certificates]:
    """The daemons' certificates; the daemons are ready."""
    with secured(cluster, tmp_path_factory.mktemp("mtls"), "mtls") as made:
        yield made


@pytest.fixture
def context(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "context", HELLO)


@dataclass(frozen=True, kw_only=True)
class Client:
    """Builds with TLS options of its own, all by one way."""

    program: Program
    context: Path
    via: str

    def build(self, *options: str | Path) -> Finished:
        """Build, whatever comes of it."""
        return self.program.run("build", *WHERE, "--via", self.via, *options, self.context)


@pytest.fixture(params=WAYS)
def client(request: pytest.FixtureRequest, program: Program, context: Path) -> Client:
    return Client(program=program, context=context, via=request.param)


@pytest.mark.parametrize("via", WAYS)
def test_who_has_a_certificate_builds(
    certificates: Certificates, program: Program, context: Path, via: str
) -> None:
    options = (*WHERE, "--via", via, "--tls-dir", certificates.client, "--tls-server-name", SERVER_NAME)

    built = program.ok("build", *options, "--output", context / "out", context)
    listed = program.ok("ls", *options, "--format", "json").json

    assert (context / "out" / "hello").read_text() == "hello\n"
    assert not built.stderr.count("WARN")
    assert [daemon["state"] for daemon in listed] == ["ready"] * 3
    assert all(daemon["version"] for daemon in listed)


def test_a_name_for_each_pod_fits_the_wildcard(
    certificates: Certificates, program: Program, context: Path
) -> None:
    name = "{pod}.buildkitd.{namespace}.svc"

    program.ok(
        "build",
        *WHERE,
        "--via=pod-ip",
        "--tls-dir",
        certificates.client,
        "--tls-server-name",
        name,
        context,
    )


def test_the_pages_commands_show_the_fleet_and_renew_its_certificates(
    cluster: Cluster, certificates: Certificates
) -> None:
    folder = certificates.folder.parent
    _, look, renew, *_ = blocks(PRODUCTION, "sh")
    before = (certificates.client / "cert.pem").read_bytes(), certificates.ca_file.read_bytes()

    run_commands(look, folder, cluster)
    run_commands(renew, folder, cluster)
    cluster.kubectl("rollout", "status", f"--namespace={NAMESPACE}", "statefulset/buildkitd", "--timeout=50s")
    run_commands(look, folder, cluster)

    assert (certificates.client / "cert.pem").read_bytes() != before[0]
    assert certificates.ca_file.read_bytes() == before[1]


def test_the_script_makes_certificates_for_other_names_and_keeps_keys_private(tmp_path: Path) -> None:
    script = EXAMPLE / "certificates.sh"

    subprocess.run([script, tmp_path, "one.example", "two.example"], check=True, capture_output=True)

    daemons = x509.load_pem_x509_certificate((tmp_path / "daemons" / "cert.pem").read_bytes())
    names = daemons.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["one.example", "two.example"]
    keys = list(tmp_path.rglob("*key.pem"))
    assert len(keys) == 3
    assert not any(key.stat().st_mode & 0o077 for key in keys)


def test_the_buildctl_backend_builds_by_pod_ip(
    certificates: Certificates, program: Program, context: Path
) -> None:
    path = f"{binaries.buildctl().parent}:/usr/bin:/bin"
    with_buildctl = Program(environment={**program.environment, "PATH": path})
    options = ("--via=pod-ip", "--tls-dir", certificates.client, "--tls-server-name", SERVER_NAME)

    with_buildctl.ok("build", *WHERE, "--backend=buildctl", *options, context)


def test_exec_needs_no_certificate(certificates: Certificates, program: Program, context: Path) -> None:
    del certificates

    program.ok("build", *WHERE, "--via=exec", context)


def pair(folder: Path, made: Pair, ca: Path) -> tuple[str | Path, ...]:
    """Return the options for a CA to trust and a certificate to show."""
    folder.mkdir()
    cert, key = made.write(folder, "client")
    return ("--tls-ca", ca, "--tls-cert", cert, "--tls-key", key, "--tls-server-name", SERVER_NAME)


def refused(done: Finished, why: str, hint: str) -> None:
    """Require one line for each pod with this reason, a hint that can be acted on, and no key."""
    assert done.code == 69, done.stderr
    first, *pods, last = done.stderr.partition("ERROR: ")[2].splitlines()
    assert first == "none of the 3 daemons could be reached:"
    assert len(pods) == 3
    assert all(why in pod and "1234" in pod for pod in pods), pods
    assert last.startswith("hint: ")
    assert hint in last
    assert "PRIVATE KEY" not in done.stderr


def test_without_a_client_certificate_it_says_so(certificates: Certificates, client: Client) -> None:
    done = client.build("--tls-ca", certificates.ca_file, "--tls-server-name", SERVER_NAME)

    refused(done, " requires a client certificate", "--tls-cert and --tls-key")
    assert ": the daemon at " in done.stderr


def test_a_wrong_ca_is_told(certificates: Certificates, client: Client, tmp_path: Path) -> None:
    del certificates
    other = tmp_path / "other.pem"
    other.write_bytes(CA().pem)

    done = client.build("--tls-ca", other, "--tls-server-name", SERVER_NAME)

    refused(done, "its certificate is not trusted", "--tls-ca")


def test_a_wrong_name_is_told(certificates: Certificates, client: Client) -> None:
    done = client.build("--tls-dir", certificates.client, "--tls-server-name", "registry")

    refused(done, 'its certificate is not valid for "registry', "--tls-server-name")


def test_without_a_name_the_pods_own_is_expected(certificates: Certificates, client: Client) -> None:
    done = client.build("--tls-dir", certificates.client)

    refused(done, 'its certificate is not valid for "buildkitd-', "--tls-server-name")


def test_a_client_certificate_of_another_ca_is_told(
    certificates: Certificates, client: Client, tmp_path: Path
) -> None:
    done = client.build(*pair(tmp_path / "pair", CA().client(), certificates.ca_file))

    refused(done, "does not know the client certificate's CA", "--tls-cert and --tls-key")


def test_an_expired_client_certificate_is_told(
    certificates: Certificates, client: Client, tmp_path: Path
) -> None:
    expired = certificates.ca.client(expired=True)

    done = client.build(*pair(tmp_path / "pair", expired, certificates.ca_file))

    refused(done, "the client certificate has expired", "--tls-cert")


def test_the_daemons_own_certificate_builds_nothing(certificates: Certificates, client: Client) -> None:
    done = client.build("--tls-dir", certificates.daemons, "--tls-server-name", SERVER_NAME)

    refused(done, "refused the client certificate", "--tls-cert and --tls-key")


def home_on(program: Program, pod: str) -> str:
    """Return a key whose home is this pod."""
    found = program.ok("where", *WHERE, "--format", "json", *"abcdefghijklm").json
    return next(str(each["key"]) for each in found if each["home"] == pod)


def restart(cluster: Cluster, pod: str) -> None:
    """Let one pod read its certificates anew."""
    cluster.kubectl("delete", "pod", pod, f"--namespace={NAMESPACE}")
    cluster.wait_ready(SELECTOR, 3, namespace=NAMESPACE)


def test_an_expired_certificate_of_a_daemon_is_told_and_the_others_build(
    cluster: Cluster, certificates: Certificates, program: Program, context: Path, tmp_path: Path
) -> None:
    folder = certificates.ca.write_tls_dir(
        tmp_path / "expired", certificates.ca.server((SERVER_NAME,), expired=True)
    )
    tls = ("--tls-dir", certificates.client, "--tls-server-name", SERVER_NAME)
    key = home_on(program, "buildkitd-0")
    try:
        put_secret(cluster, folder)
        restart(cluster, "buildkitd-0")
        alone = {via: program.run("build", "--addr", f"{ALONE}&via={via}", *tls, context) for via in WAYS}
        routed = program.ok("build", *WHERE, "--key", key, "--via=pod-ip", *tls, "-v", context)
    finally:
        put_secret(cluster, certificates.daemons)
        restart(cluster, "buildkitd-0")

    for done in alone.values():
        assert done.code == 69
        assert "its certificate has expired" in done.stderr
        assert "hint: renew the server's certificate" in done.stderr
    assert routed.daemon != "buildkitd-0"


@pytest.fixture
def knocking(tmp_path: Path) -> Path:
    """A context with a step that asks the daemon it runs on for its workers, without a certificate."""
    # Told where to send traces, buildctl waits for them to be taken.
    quiet = "unset OTEL_TRACES_EXPORTER OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    step = f"RUN {quiet}; buildctl --addr tcp://127.0.0.1:1234 debug workers || echo refused"
    context = with_busybox(tmp_path / "knocking", ("COPY buildctl /bin/buildctl", "ENV PATH=/bin", step))
    shutil.copy(binaries.buildctl(), context / "buildctl")
    return context


def test_a_step_can_speak_to_its_daemon_where_tcp_is_open(
    fleet: tuple[str, ...], program: Program, knocking: Path
) -> None:
    del fleet

    built = program.ok("build", "--selector", SELECTOR, "--progress=plain", knocking)

    assert re.search(r"linux/\S+", built.stderr)
    assert not re.search(r"^#\d+ \S+ refused$", built.stderr, re.MULTILINE)


def test_mutual_tls_stops_a_step_that_speaks_to_its_daemon(
    certificates: Certificates, program: Program, knocking: Path
) -> None:
    del certificates

    built = program.ok("build", *WHERE, "--via=exec", "--progress=plain", knocking)

    assert re.search(r"^#\d+ \S+ refused$", built.stderr, re.MULTILINE)


def test_the_rootless_daemons_take_the_same_lines(
    cluster: Cluster, certificates: Certificates, program: Program, context: Path
) -> None:
    cluster.load_image(images.rootless_tar())
    manifest = listening_on_tcp(workloads_of("rootless.yaml")[0])
    tls = ("--tls-dir", certificates.client, "--tls-server-name", SERVER_NAME)
    try:
        cluster.apply(json.dumps(manifest))
        cluster.wait_ready("app=rootless", 1, namespace=NAMESPACE)
        program.ok(
            "build", "--selector=app=rootless", f"--namespace={NAMESPACE}", "--via=pod-ip", *tls, context
        )
    finally:
        cluster.kubectl("delete", "statefulset", "rootless", f"--namespace={NAMESPACE}", "--wait=false")


def listening_on_tcp(variant: Any) -> Any:
    """Return a StatefulSet of the example with what mtls.yaml adds, beside the others and small."""
    secure = workloads_of("mtls.yaml")[0]["spec"]["template"]["spec"]
    pod = variant["spec"]["template"]["spec"]
    (theirs,), (ours,) = secure["containers"], pod["containers"]
    socket = "unix:///run/user/1000/buildkit/buildkitd.sock"
    added = [argument for argument in theirs["args"] if not argument.startswith("--addr=unix")]
    ours["args"] = [*ours.get("args", ()), f"--addr={socket}", *added]
    ours["ports"] = theirs["ports"]
    ours["volumeMounts"] += [mount for mount in theirs["volumeMounts"] if mount["name"] == "certificates"]
    pod.setdefault("volumes", []).extend(each for each in secure["volumes"] if each["name"] == "certificates")
    labels = {"app": "rootless"}
    variant["metadata"]["name"] = "rootless"
    variant["spec"]["replicas"] = 1
    variant["spec"]["selector"]["matchLabels"] = labels
    variant["spec"]["template"]["metadata"]["labels"] = labels
    return variant
