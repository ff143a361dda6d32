"""What ``--ssh`` names, found before the build and connected when a step asks."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.errors import UsageError
from router.model.build_options import SSHAgent
from router.providers.ssh_agent import key_agent, serve
from router.providers.ssh_forwarding import SSHForwarding
from router.providers.ssh_keys import load_key
from tests.unit.providers import ssh


@pytest.fixture
def key(tmp_path: Path) -> str:
    return ssh.write(tmp_path, "id_ed25519", ssh.text(ssh.ED25519, ssh.OPENSSH))


@contextmanager
def listening(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        listener.settimeout(20)
        yield listener


@contextmanager
def agent(path: Path, key: str) -> Iterator[Path]:
    """An agent of a user's, with one key."""
    with listening(path) as listener:

        def accept() -> None:
            while True:
                connection, _ = listener.accept()
                if ended.is_set():
                    connection.close()
                    return
                threading.Thread(target=serve, args=(connection, key_agent([load_key(key, "")]))).start()

        ended = threading.Event()
        thread = threading.Thread(target=accept)
        thread.start()
        yield path
        ended.set()
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(path))
        thread.join(20)


def forwarding(*agents: SSHAgent, environment: Mapping[str, str] | None = None) -> SSHForwarding:
    found = SSHForwarding(agents, environment or {})
    found.check()
    return found


@contextmanager
def client(ssh_forwarding: SSHForwarding, name: str) -> Iterator[ssh.AgentClient]:
    connection = ssh_forwarding.connect(name)
    assert connection is not None
    connection.socket.settimeout(20)
    yield ssh.AgentClient(connection.socket)
    connection.close()
    connection.close()


def refused(*agents: SSHAgent, environment: Mapping[str, str] | None = None) -> tuple[str, str]:
    with pytest.raises(UsageError) as caught:
        forwarding(*agents, environment=environment)
    return str(caught.value), caught.value.hint or ""


def threads() -> int:
    return sum(thread.name == "ssh agent" for thread in threading.enumerate())


def test_the_users_agent_is_that_of_the_environment(tmp_path: Path, key: str) -> None:
    with agent(tmp_path / "agent.sock", key) as path:
        found = forwarding(SSHAgent(id="default"), environment={"SSH_AUTH_SOCK": str(path)})
        with client(found, "default") as asked:
            assert list(asked.identities().values()) == ["id_ed25519"]
            assert asked.ask(bytes((19,))) == bytes((5,))  # remove all
            assert len(asked.identities()) == 1
    assert threads() == 0


def test_an_agents_socket_may_be_named(tmp_path: Path, key: str) -> None:
    with agent(tmp_path / "agent.sock", key) as path:
        found = forwarding(SSHAgent(id="a", paths=(str(path),)))
        with client(found, "a") as one, client(found, "a") as two:
            assert one.identities() == two.identities()


def test_a_raw_socket_is_connected_as_it_is(tmp_path: Path) -> None:
    with listening(tmp_path / "raw.sock") as listener:
        found = forwarding(SSHAgent(id="raw", paths=(f"{tmp_path}/raw.sock",), raw=True))
        with client(found, "raw") as asked:
            server, _ = listener.accept()
            with server:
                server.sendall(b"\xff" * 10)
                assert asked.socket.recv(100) == b"\xff" * 10


def test_a_raw_socket_is_not_connected_before_a_step_asks(tmp_path: Path) -> None:
    with listening(tmp_path / "raw.sock") as listener:
        forwarding(SSHAgent(id="raw", paths=(f"{tmp_path}/raw.sock",), raw=True))

        listener.setblocking(False)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_key_files_have_an_agent_of_their_own(tmp_path: Path, key: str) -> None:
    other = ssh.write(tmp_path, "id_rsa", ssh.text(ssh.RSA, ssh.PEM))
    found = forwarding(SSHAgent(id="both", paths=(key, other)), SSHAgent(id="one", paths=(other,)))

    with client(found, "both") as both, client(found, "one") as one:
        assert list(both.identities().values()) == ["id_ed25519", "id_rsa"]
        assert list(one.identities().values()) == ["id_rsa"]
    assert threads() == 0


def test_an_id_that_was_not_given_has_no_connection(key: str) -> None:
    found = forwarding(SSHAgent(id="a", paths=(key,)))

    assert (found.ids, found.connect("b")) == (("a",), None)


def test_without_an_agent_in_the_environment_the_error_says_what_to_do() -> None:
    message, hint = refused(SSHAgent(id="default"))

    assert message == "--ssh default: SSH_AUTH_SOCK is not set, so there is no agent to forward"
    assert hint == 'start one (eval "$(ssh-agent)"; ssh-add), or name a key: --ssh default=PATH'


@pytest.mark.parametrize("name", ["gone.sock", "file"])
def test_an_environment_that_names_no_socket_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    path = f"{tmp_path}/{name}"

    message, _ = refused(SSHAgent(id="default"), environment={"SSH_AUTH_SOCK": path})

    assert message == f"--ssh default: SSH_AUTH_SOCK names {path}, where there is no socket"


def test_a_socket_on_which_nobody_listens_is_refused(tmp_path: Path) -> None:
    with listening(tmp_path / "left.sock"):
        pass

    message, hint = refused(SSHAgent(id="a", paths=(f"{tmp_path}/left.sock",)))

    assert message == f"--ssh a: can't connect to the socket {tmp_path}/left.sock: connection refused"
    assert "ssh-add -l" in hint


def test_a_missing_path_is_refused(tmp_path: Path) -> None:
    message, _ = refused(SSHAgent(id="a", paths=(f"{tmp_path}/none",)))

    assert message == f"--ssh a: can't read the key {tmp_path}/none: no such file or directory"


def test_a_raw_path_that_is_no_socket_is_refused(key: str) -> None:
    message, _ = refused(SSHAgent(id="a", paths=(key,), raw=True))

    assert message == f"--ssh a: raw=true needs a socket, and {key} is not one"


@pytest.mark.parametrize("order", [1, -1])
def test_a_socket_beside_a_key_is_refused(tmp_path: Path, key: str, order: int) -> None:
    with listening(tmp_path / "agent.sock"):
        paths = (f"{tmp_path}/agent.sock", key)[::order]

        message, _ = refused(SSHAgent(id="a", paths=paths))

    assert message == f"--ssh a names the socket {tmp_path}/agent.sock together with other paths"


def test_an_agent_that_has_gone_since_is_named(tmp_path: Path, key: str) -> None:
    with agent(tmp_path / "agent.sock", key) as path:
        found = forwarding(SSHAgent(id="a", paths=(str(path),)))

    with pytest.raises(UsageError, match=r"--ssh a: can't connect to the socket .*: connection refused"):
        found.connect("a")


def test_closing_a_connection_ends_an_agent_that_waits_for_its_user(tmp_path: Path) -> None:
    with listening(tmp_path / "agent.sock") as listener:
        found = forwarding(SSHAgent(id="a", paths=(f"{tmp_path}/agent.sock",)))
        connection = found.connect("a")
        assert connection is not None
        connection.socket.sendall(ssh.string(bytes((11,))))
        listener.accept()[0].close()  # of the check
        server, _ = listener.accept()
        with server:
            assert server.recv(5) == ssh.string(bytes((11,)))
            connection.close()
    assert threads() == 0


def test_no_descriptor_is_left(key: str) -> None:
    found = forwarding(SSHAgent(id="a", paths=(key,)))
    before = len(os.listdir("/proc/self/fd"))

    for _ in range(20):
        with client(found, "a") as asked:
            asked.identities()

    assert len(os.listdir("/proc/self/fd")) == before
