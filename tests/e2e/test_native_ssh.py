"""SSH in steps: agents, key files and plain sockets, used by OpenSSH's own programs against a real sshd."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router import BuildError, BuildRequest, RouterConfig, UsageError
from router.flags.ssh import parse_sshs
from tests.addressed import addressed
from tests.e2e.builder import Builder, write_tree
from tests.servers import binaries
from tests.servers.images import busybox_entries
from tests.servers.oci import Entry, Image
from tests.servers.openssh import Agent, Sshd, make_key, openssh_image, start_agent, start_sshd
from tests.servers.registry import Registry

pytestmark = pytest.mark.xdist_group("ssh")

KINDS = {"rsa": "rsa-sha2-512", "ecdsa": "ecdsa-sha2-nistp256", "ed25519": "ssh-ed25519"}


@pytest.fixture(scope="session")
def image(registry: Registry) -> str:
    return registry.push(openssh_image(), "openssh")


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory, keys: dict[str, Path]) -> Iterator[Sshd]:
    with start_sshd(tmp_path_factory.mktemp("sshd")) as server:
        server.authorize(*keys.values())
        yield server


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {kind: make_key(folder / kind, kind) for kind in KINDS}


@pytest.fixture
def agent(tmp_path: Path, keys: dict[str, Path]) -> Iterator[Agent]:
    with start_agent(tmp_path) as running:
        running.add(keys["ed25519"])
        yield running


class Steps:
    """Builds of one step each, which may use SSH."""

    def __init__(self, builder: Builder, folder: Path, image: str) -> None:
        self.builder = builder
        self._folder = folder
        self._image = image

    def run(self, script: str, *ssh: str, mounts: str = "--mount=type=ssh,required=true") -> str:
        """Build; return what the step wrote."""
        text = f"FROM {self._image}\nCOPY script /\nRUN {mounts} sh -eu /script\n"
        write_tree(self._folder, {"Dockerfile": text, "script": f"# {os.urandom(8).hex()}\n{script}\n"})
        begun = len(self.builder.log)
        self.builder.build(BuildRequest(context=str(self._folder), ssh=parse_sshs(ssh)))
        return self.builder.log[begun:].decode()


@pytest.fixture
def steps(builder: Builder, image: str, tmp_path: Path) -> Steps:
    return Steps(builder, tmp_path / "context", image)


def log_in(sshd: Sshd, *options: str) -> str:
    """A command that logs in and shows which key was taken."""
    known = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes"
    return f"ssh -v {known} {' '.join(options)} -p {sshd.port} {sshd.user}@127.0.0.1 echo 'logged in' 2>&1"


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_logs_in_with_a_key_file(steps: Steps, sshd: Sshd, keys: dict[str, Path], kind: str) -> None:
    said = steps.run(log_in(sshd), f"default={keys[kind]}")

    assert "logged in\n" in said
    assert f"Server accepts key: {kind} " in said


def test_a_step_chooses_the_hash_of_an_rsa_key(steps: Steps, sshd: Sshd, keys: dict[str, Path]) -> None:
    said = steps.run(log_in(sshd, "-o PubkeyAcceptedAlgorithms=rsa-sha2-256"), f"default={keys['rsa']}")

    assert "logged in\n" in said


@pytest.mark.parametrize(
    ("kind", "options"),
    [("rsa", ("-m", "PEM")), ("rsa", ("-m", "PKCS8")), ("ecdsa", ("-m", "PEM", "-b", "521"))],
)
def test_key_files_in_older_forms_are_read(
    steps: Steps, tmp_path: Path, kind: str, options: tuple[str, ...]
) -> None:
    key = make_key(tmp_path / "key", kind, *options)
    expected = subprocess.run(
        ["ssh-keygen", "-l", "-f", f"{key}.pub"], capture_output=True, text=True, check=True, timeout=60
    )

    assert expected.stdout.split()[1] in steps.run("ssh-add -l", f"default={key}")


def test_a_step_signs_with_each_key_of_one_id(steps: Steps, keys: dict[str, Path]) -> None:
    script = (
        "echo words >/words; ssh-add -L | while read -r line; do\n"
        'echo "$line" >/key.pub; ssh-keygen -Y sign -n test -f /key.pub /words\n'
        "ssh-keygen -Y check-novalidate -n test -s /words.sig </words; rm /words.sig; done"
    )

    said = steps.run(script, f"default={keys['rsa']},{keys['ecdsa']},{keys['ed25519']}")

    assert said.count('Good "test" signature') == 3


def test_the_users_agent_is_used_and_can_not_be_changed(steps: Steps, sshd: Sshd, agent: Agent) -> None:
    steps.builder.environment["SSH_AUTH_SOCK"] = str(agent.socket)
    script = f"{log_in(sshd)}; ssh-add -D || echo refused; ssh-add -x </dev/null || echo refused"

    said = steps.run(script, "default")

    assert "logged in\n" in said
    assert said.count("refused\n") == 2
    assert agent.identities() == ["ed25519"]


def test_an_agents_socket_can_be_named(steps: Steps, agent: Agent) -> None:
    assert "ed25519 (ED25519)" in steps.run("ssh-add -l", f"default={agent.socket}")


def test_a_raw_socket_is_passed_through_as_it_is(steps: Steps, agent: Agent) -> None:
    steps.run("ssh-add -D", f"default={agent.socket},raw=true")

    assert agent.identities() == []


@contextmanager
def echo(path: Path) -> Iterator[None]:
    """A socket that sends back what it gets, to one client."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(60)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                while data := connection.recv(1 << 16):
                    connection.sendall(data)

        thread = threading.Thread(target=serve, name="echo")
        thread.start()
        yield
        thread.join(60)
        assert not thread.is_alive()


def test_a_raw_socket_carries_any_amount_both_ways(
    builder: Builder, tmp_path: Path, registry: Registry
) -> None:
    # buildctl is a static program that joins its standard streams to a socket.
    program = Entry(path="bin/buildctl", source=binaries.buildctl())
    base = Image(reference="x", layers=((*busybox_entries(), program),), config={"Env": ["PATH=/bin"]})
    steps = Steps(builder, tmp_path / "context", registry.push(base, "buildctl"))
    script = (
        "seq 9000000 | head -c 60000000 | tee /sent |"
        "buildctl --addr unix://$SSH_AUTH_SOCK dial-stdio >/got; cmp /sent /got && wc -c </got"
    )

    with echo(tmp_path / "echo.sock"):
        said = steps.run(script, f"default={tmp_path}/echo.sock,raw=true")

    assert said == "60000000\n"


def test_several_ids_are_told_apart(steps: Steps, agent: Agent, keys: dict[str, Path]) -> None:
    mounts = "--mount=type=ssh,id=keys,target=/keys --mount=type=ssh,id=agent,target=/agent"
    script = "SSH_AUTH_SOCK=/keys ssh-add -l; SSH_AUTH_SOCK=/agent ssh-add -l"

    said = steps.run(script, f"keys={keys['rsa']}", f"agent={agent.socket}", mounts=mounts)

    assert [line.split()[-2] for line in said.splitlines()] == ["rsa", "ed25519"]


def test_many_connections_are_served_at_once(steps: Steps, sshd: Sshd, keys: dict[str, Path]) -> None:
    script = f"for n in $(seq 20); do {log_in(sshd)} >/out.$n & done; wait; cat /out.*"

    assert steps.run(script, f"default={keys['ed25519']}").count("logged in\n") == 20


@pytest.fixture(scope="session")
def repository(sshd: Sshd, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a repository that is cloned by SSH."""
    folder = tmp_path_factory.mktemp("git")
    repository = write_tree(folder / "repository", {"Dockerfile": "FROM scratch\nCOPY a /\n", "a": "here"})
    for argv in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "-m", "a"],
    ):
        subprocess.run(["git", "-C", repository, *argv], check=True, timeout=60)
    return f"ssh://{sshd.user}@127.0.0.1:{sshd.port}{repository}/.git#main"


def test_a_git_context_is_cloned_by_ssh(builder: Builder, repository: str, keys: dict[str, Path]) -> None:
    request = BuildRequest(context=repository, ssh=parse_sshs([f"default={keys['ed25519']}"]))

    assert builder.files(request)["a"] == b"here"


def test_a_git_context_gets_the_agent_by_itself(builder: Builder, repository: str, agent: Agent) -> None:
    builder.environment["SSH_AUTH_SOCK"] = str(agent.socket)

    assert builder.files(BuildRequest(context=f"{repository}:."))["a"] == b"here"


def test_an_id_that_was_not_given_is_named_where_it_is_required(steps: Steps, keys: dict[str, Path]) -> None:
    with pytest.raises(BuildError, match='no SSH agent is forwarded under the id "b"') as caught:
        steps.run("ssh-add -l", f"a={keys['rsa']}", mounts="--mount=type=ssh,id=b,required=true")

    assert caught.value.hint is not None
    assert "--ssh ID" in caught.value.hint


def test_without_the_option_the_error_says_what_to_give(steps: Steps) -> None:
    with pytest.raises(BuildError, match='no SSH key "" forwarded') as caught:
        steps.run("ssh-add -l")

    assert caught.value.hint is not None
    assert "--ssh default" in caught.value.hint


def test_a_mount_that_is_not_required_may_be_missing(steps: Steps, keys: dict[str, Path]) -> None:
    said = steps.run(
        "[ -e $SSH_AUTH_SOCK ] || echo no socket", f"a={keys['rsa']}", mounts="--mount=type=ssh,id=b"
    )

    assert "no socket" in said


def test_a_key_with_a_passphrase_is_refused_before_a_daemon_is_asked(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key", "ed25519", "-N", "words")
    builder = Builder(
        config=RouterConfig(addresses=addressed(("none", "tcp://127.0.0.1:9"))), scratch=tmp_path
    )
    write_tree(tmp_path / "context", {"Dockerfile": "FROM scratch\n"})

    with pytest.raises(UsageError, match="has a passphrase"):
        builder.build(BuildRequest(context=str(tmp_path / "context"), ssh=parse_sshs([f"default={key}"])))


def test_an_agent_that_ends_during_the_build_is_named(steps: Steps, agent: Agent, tmp_path: Path) -> None:
    script = "while ssh-add -l; do sleep 0.1; done; exit 1"
    stopped: list[int] = []

    def stop(_event: object) -> None:
        if b"ED25519" in steps.builder.log and not stopped:
            stopped.append(1)
            agent.process.stop()

    steps.builder.then = stop

    with pytest.raises(UsageError, match=f"--ssh default: .*{tmp_path}/agent.sock"):
        steps.run(script, f"default={agent.socket}")
