"""Wrong input of all kinds: one message, a hint, the right exit code; no traceback, nothing half-written."""

from __future__ import annotations

import json
import os
import pty
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.builder import served, write_tree
from tests.e2e.kubernetes import SELECTOR, kubeconfig, user_with
from tests.e2e.processes import BIN, Installed
from tests.e2e.program import Finished
from tests.servers.buildkitd import Buildkitd, start_buildkitd
from tests.servers.certs import CA
from tests.servers.cluster import Cluster
from tests.servers.ports import free_port
from tests.servers.registry import Registry

NOWHERE = "tcp://127.0.0.1:1"


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A context; the command runs there."""
    return write_tree(tmp_path / "workspace", {"Dockerfile": "FROM scratch\nCOPY file /\n", "file": "x"})


def assert_refused(done: Finished, code: int, message: str, workspace: Path | None = None) -> None:
    """Assert that a run ended with one message and a hint, and that it left nothing behind."""
    errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
    hints = [line for line in done.stderr.splitlines() if line.startswith("hint: ")]
    assert done.code == code, done.stderr
    assert len(errors) == 1, done.stderr
    assert message in done.stderr
    assert hints, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    if workspace is not None:
        assert sorted(path.name for path in workspace.iterdir()) == ["Dockerfile", "file"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--progress loud", 'invalid --progress "loud"'),
        ("--progress tty", "progress mode tty needs a terminal"),
        ("--placement fair", 'invalid --placement "fair"'),
        ("--backend podman", 'invalid --backend "podman"'),
        ("--fallback podman", 'invalid --fallback "podman"'),
        ("--connect-timeout soon", 'invalid --connect-timeout "soon"'),
        ("--platform linux/", 'invalid --platform "linux/"'),
        ("--tag UPPER", 'invalid --tag "UPPER"'),
        ("--label =x", "invalid --label"),
        ("--build-arg =x", "invalid --build-arg"),
        ("--output type=zip", "unknown type zip"),
        ('--output type=tar,"dest=x', "invalid --output"),
        ("--output type=local", "needs dest"),
        ("--output type=image,dest=x", "has no dest"),
        ("--output - --output type=oci", "more than one output goes to stdout"),
        ("--output file", "is not a directory"),
        ("--output /proc/1/nothing", "the output /proc/1/nothing"),
        ("--output type=tar,dest=file/out.tar", "file is not a directory"),
        ("--metadata-file file/metadata.json", "file is not a directory"),
        ("--output type=tar,dest=.", "names a directory"),
        ("--secret id", "invalid --secret"),
        ("--secret src=file", "the key id is missing"),
        ("--secret id=a,src=nothing", "secret a: can't read nothing: no such file or directory"),
        ("--secret id=a,env=NOTHING", "secret a: variable NOTHING is not set"),
        ("--secret id=a,src=.", "secret a: can't read .: is a directory"),
        ("--push", "--push needs a --tag"),
        ("--load --platform linux/amd64,linux/arm64", "--load takes one platform, not 2"),
        ("-o type=docker,dest=x --platform linux/amd64,linux/arm64", "type=docker takes one platform, not 2"),
        ("--frontend dockerfile.v0 .", "no place for a context (.)"),
        ("--frontend dockerfile.v0 --local a=. --file x", "no place for --file"),
        ("--metadata-file nowhere/metadata.json", "there is no directory nowhere"),
        ("--metadata-file .", "names a directory"),
        ("--iidfile nowhere/iid", "there is no directory nowhere"),
        ("--file nothing", "the Dockerfile nothing does not exist"),
        ("--file /", "the Dockerfile / is not a file"),
        ("nowhere", "the build context nowhere does not exist"),
        ("file", "the build context file is not a directory"),
        ("-", "the context should come from stdin, but stdin is empty"),
        ("--addr nonsense", 'invalid --addr "nonsense"'),
        ("--addr ftp://host:1", "ftp"),
        ("--addr tcp://host:port", "tcp://host:port"),
        ("--addr x=tcp://a:1 --addr x=tcp://b:1", 'gives "x" twice'),
        ("--selector app=x --addr tcp://a:1", "--addr and --selector exclude each other"),
        ("--tls-cert cert.pem", "--tls-cert is given without --tls-key"),
        ("--tls-dir .", "--tls-dir . has no ca.pem"),
        ("--tls-ca nothing.pem", "nothing.pem"),
    ],
)
def test_an_option_is_refused(workspace: Path, line: str, message: str) -> None:
    command = Installed(environment={"WARMROUTE_ADDR": f"a={NOWHERE}"})

    done = command.run("build", *line.split(), cwd=workspace)

    assert_refused(done, 2, message, workspace)


def test_an_error_never_repeats_what_may_be_a_secret(workspace: Path) -> None:
    done = Installed().run("build", "--addr", NOWHERE, "--secret", "id=a,hunter2", cwd=workspace)

    assert_refused(done, 2, "invalid --secret")
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"DOCKER_HOST": "ftp://host"}, "has an unsupported scheme"),
        ({"DOCKER_CONTEXT": "nothing"}, 'the docker context "nothing" (DOCKER_CONTEXT) does not exist'),
        ({"BUILDKIT_HOST": "nonsense"}, "nonsense"),
        ({"BUILDKIT_PROGRESS": "loud", "WARMROUTE_ADDR": NOWHERE}, '"loud" is not a progress mode'),
    ],
)
def test_a_variable_is_refused(workspace: Path, variables: dict[str, str], message: str) -> None:
    assert_refused(Installed(environment=variables).run("build", cwd=workspace), 2, message)


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_a_broken_docker_config_is_warned_of_once_and_does_not_end_a_build(
    buildkitd: Buildkitd, workspace: Path, tmp_path: Path, backend: str
) -> None:
    broken = write_tree(tmp_path / "docker", {"config.json": "{"})
    command = Installed(environment={"DOCKER_CONFIG": str(broken)})

    done = command.run("build", "--addr", buildkitd.address, "--backend", backend, cwd=workspace)

    assert done.code == 0, done.stderr
    assert done.stderr.count(f"the docker config {broken}/config.json is not valid JSON") == 1


def test_a_broken_login_is_told_when_it_is_needed(
    buildkitd: Buildkitd, private_registry: Registry, workspace: Path, tmp_path: Path
) -> None:
    login = json.dumps({"auths": {private_registry.host: {"auth": "!"}}})
    broken = write_tree(tmp_path / "docker", {"config.json": login})
    command = Installed(environment={"DOCKER_CONFIG": str(broken)})
    options = ("--addr", buildkitd.address, "--push", "-t", f"{private_registry.host}/a/b")

    done = command.run("build", *options, cwd=workspace)

    assert_refused(
        done, 2, f"the login for {private_registry.host} in {broken}/config.json is broken", workspace
    )


def test_a_registry_that_refuses_is_told(
    buildkitd: Buildkitd, private_registry: Registry, workspace: Path
) -> None:
    options = ("--addr", buildkitd.address, "--push", "-t", f"{private_registry.host}/a/b")

    done = Installed().run("build", *options, cwd=workspace)

    assert_refused(done, 1, f"failed to push {private_registry.host}/a/b", workspace)


def test_without_any_daemon_all_that_was_looked_for_is_listed(workspace: Path) -> None:
    done = Installed().run("build", cwd=workspace)

    assert_refused(done, 69, "no BuildKit daemon is named", workspace)
    for looked in ("--fleet", "--selector", "--addr", "BUILDKIT_HOST", "DOCKER_HOST", "docker.sock"):
        assert looked in done.stderr


# -- kubeconfig


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (None, (), "no such file or directory"),
        ("{ not: [yaml", (), "kubeconfig"),
        ("[]", (), "kubeconfig"),
        ("", (), "kubeconfig"),
        ('{"current-context": "gone"}', (), "gone"),
        ('{"contexts": [{"name": "a", "context": {}}]}', ("--kube-context", "b"), "b"),
    ],
)
def test_a_kubeconfig_is_refused(
    workspace: Path, tmp_path: Path, content: str | None, options: tuple[str, ...], message: str
) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)

    done = Installed().run("build", "--selector", "a=b", "--kubeconfig", path, *options, cwd=workspace)

    assert_refused(done, 2, message, workspace)


def test_an_api_server_that_refuses_is_unreachable(workspace: Path, tmp_path: Path) -> None:
    server = f"https://127.0.0.1:{free_port()}"
    config = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))

    done = Installed().run(
        "build", "--selector", "a=b", "--kubeconfig", tmp_path / "kubeconfig", cwd=workspace
    )

    assert_refused(done, 69, "connection refused", workspace)


@pytest.mark.xdist_group("cluster")
def test_a_user_who_may_not_list_pods_is_told_so(cluster: Cluster, workspace: Path, tmp_path: Path) -> None:
    user = user_with(cluster, "may-nothing", [("get", "configmaps")])
    config = kubeconfig(cluster, tmp_path / "kubeconfig", {"user": user})

    done = Installed().run("build", "--selector", SELECTOR, "--kubeconfig", config, cwd=workspace)

    assert_refused(done, 69, "forbidden", workspace)


@pytest.mark.xdist_group("cluster")
def test_a_selector_that_matches_nothing_is_told(cluster: Cluster, workspace: Path) -> None:
    done = Installed(environment={"KUBECONFIG": str(cluster.kubeconfig)}).run(
        "build", "--selector", "app=nothing-of-the-kind", cwd=workspace
    )

    assert_refused(done, 69, "app=nothing-of-the-kind", workspace)


@pytest.mark.xdist_group("cluster")
@pytest.mark.parametrize("selector", ["app in", "=x", "a b"])
def test_a_selector_that_is_none_is_refused(cluster: Cluster, workspace: Path, selector: str) -> None:
    done = Installed(environment={"KUBECONFIG": str(cluster.kubeconfig)}).run(
        "build", "--selector", selector, cwd=workspace
    )

    assert_refused(done, 2, selector, workspace)


# -- addresses


def build_on(address: str, workspace: Path, *options: str | Path) -> Finished:
    return Installed().run("build", "--addr", address, "--connect-timeout", "1", *options, cwd=workspace)


def test_a_port_where_nobody_listens_is_unreachable(workspace: Path) -> None:
    done = build_on(f"tcp://127.0.0.1:{free_port()}", workspace)

    assert_refused(done, 69, "connection refused", workspace)


def test_a_socket_that_is_not_there_is_unreachable(workspace: Path, tmp_path: Path) -> None:
    assert_refused(
        build_on(f"unix://{tmp_path}/nothing", workspace), 69, "no such file or directory", workspace
    )


def test_a_name_that_is_unknown_is_unreachable(workspace: Path) -> None:
    assert_refused(build_on("tcp://nothing.invalid:1234", workspace), 69, "nothing.invalid", workspace)


def test_text_that_is_not_utf_8_is_refused(buildkitd: Buildkitd, workspace: Path) -> None:
    word = os.fsdecode(b"A=\xff")

    done = build_on(buildkitd.address, workspace, "--build-arg", word)

    assert_refused(done, 2, r"'\udcff' is not", workspace)


def test_a_destination_that_cannot_be_made_is_told(buildkitd: Buildkitd, workspace: Path) -> None:
    done = build_on(buildkitd.address, workspace, "--output", "/proc/nothing")

    assert_refused(done, 1, "/proc/nothing", workspace)


@pytest.mark.parametrize("backend", ["native", "buildctl"])
def test_a_peer_that_never_answers_is_given_up_at_the_deadline(workspace: Path, backend: str) -> None:
    with listening() as port:
        done = build_on(f"tcp://127.0.0.1:{port}", workspace, "--backend", backend)

    assert_refused(done, 69, "did not answer", workspace)
    assert done.seconds < 6


def test_an_http_server_is_no_daemon(workspace: Path, tmp_path: Path) -> None:
    with served(tmp_path) as url:
        done = build_on(url.replace("http://", "tcp://"), workspace)

    assert_refused(done, 69, 'is not a BuildKit daemon (it answered with "<!DOCTYPE', workspace)


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2p1\r\n", b"\x00" * 64, b"\xff" * 9000])
def test_a_server_of_another_kind_is_no_daemon(workspace: Path, greeting: bytes) -> None:
    with listening(greeting) as port:
        done = build_on(f"tcp://127.0.0.1:{port}", workspace)

    assert_refused(done, 69, "is not a BuildKit daemon", workspace)


def test_a_docker_engine_that_is_another_server_is_unreachable(workspace: Path, tmp_path: Path) -> None:
    with served(tmp_path) as url:
        host = url.replace("http://", "tcp://")
        done = Installed(environment={"DOCKER_HOST": host}).run("build", cwd=workspace)

    assert_refused(done, 69, f"the Docker engine at {host} does not offer its BuildKit", workspace)


def test_an_engine_to_load_into_is_looked_for_before_the_build(
    buildkitd: Buildkitd, workspace: Path, tmp_path: Path
) -> None:
    command = Installed(environment={"DOCKER_HOST": f"unix://{tmp_path}/nothing"})

    done = command.run("build", "--addr", buildkitd.address, "--load", "-t", "a:b", cwd=workspace)

    assert_refused(done, 69, f"--load: can't connect to the Docker engine at unix://{tmp_path}/nothing")
    assert "#1" not in done.stderr


# -- TLS


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildkitd]:
    """A daemon that wants certificates of its CA."""
    with start_buildkitd(tmp_path_factory.mktemp("tls"), unix=False, tls=CA()) as daemon:
        yield daemon


def tls_dir(folder: Path, *, client: CA, server: CA) -> Path:
    """Write a client's files: its certificate by one CA, the CA that it trusts another."""
    client.write_tls_dir(folder, client.client())
    (folder / "ca.pem").write_bytes(server.pem)
    return folder


def test_plain_text_to_a_daemon_with_tls_is_told(secured: Buildkitd, workspace: Path) -> None:
    assert_refused(
        build_on(secured.address, workspace),
        69,
        "did not answer: connection reset by peer\nhint: the daemon may require TLS",
        workspace,
    )


def test_tls_to_a_daemon_without_it_is_told(buildkitd: Buildkitd, workspace: Path, tmp_path: Path) -> None:
    files = tls_dir(tmp_path / "files", client=CA(), server=CA())

    done = build_on(buildkitd.address, workspace, "--tls-dir", files)

    assert_refused(done, 69, "TLS", workspace)


def test_a_daemon_of_another_ca_is_told(secured: Buildkitd, workspace: Path, tmp_path: Path) -> None:
    files = tls_dir(tmp_path / "files", client=CA(), server=CA())

    assert_refused(build_on(secured.address, workspace, "--tls-dir", files), 69, "certificate", workspace)


def test_a_client_of_another_ca_is_told(secured: Buildkitd, workspace: Path, tmp_path: Path) -> None:
    assert secured.tls is not None
    files = tls_dir(tmp_path / "files", client=CA(), server=secured.tls)

    assert_refused(build_on(secured.address, workspace, "--tls-dir", files), 69, "certificate", workspace)


def test_a_daemon_of_another_name_is_told(secured: Buildkitd, workspace: Path, tmp_path: Path) -> None:
    assert secured.tls is not None
    files = tls_dir(tmp_path / "files", client=secured.tls, server=secured.tls)
    options = ("--tls-dir", files, "--tls-server-name", "another.test")

    assert_refused(build_on(secured.address, workspace, *options), 69, "another.test", workspace)


# -- terminals


def test_a_dockerfile_from_stdin_is_not_read_from_a_terminal(workspace: Path) -> None:
    master, terminal = pty.openpty()
    try:
        done = _with(workspace, "--file", "-", stdin=terminal, stdout=subprocess.PIPE)
    finally:
        os.close(terminal)
        os.close(master)

    assert_refused(done, 2, "stdin (--file -), but stdin is a terminal", workspace)


def test_an_archive_is_not_written_to_a_terminal(workspace: Path) -> None:
    master, terminal = pty.openpty()
    try:
        done = _with(workspace, "--output", "-", stdin=subprocess.DEVNULL, stdout=terminal)
    finally:
        os.close(terminal)
        os.close(master)

    assert_refused(done, 2, "the output is an archive, and stdout is a terminal", workspace)


def _with(workspace: Path, *options: str, stdin: int, stdout: int) -> Finished:
    done = subprocess.run(
        [BIN / "warmroute", "build", "--addr", NOWHERE, *options],
        env=Installed().variables,
        cwd=workspace,
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )
    return Finished(code=done.returncode, stdout=done.stdout or "", stderr=done.stderr, seconds=0)


@contextmanager
def listening(greeting: bytes = b"") -> Iterator[int]:
    """Accept connections, greet and say nothing more; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        accepted: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return  # it was shut down
                accepted.append(connection)
                connection.sendall(greeting)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield int(server.getsockname()[1])
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in accepted:
                connection.close()
