"""The agent that steps talk to: its own keys, and the two questions that it passes on."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.providers.ssh_agent import MOST_MESSAGE, Agent, key_agent, passed_on, serve
from router.providers.ssh_keys import SSHKey, load_key
from tests.unit.providers import ssh

FAILURE = bytes((5,))
REFUSED = {
    "add": 17,
    "remove": 18,
    "remove all": 19,
    "add by smart card": 20,
    "remove by smart card": 21,
    "lock": 22,
    "unlock": 23,
    "add constrained": 25,
    "extension": 27,
    "identities of protocol 1": 1,
    "unknown": 200,
}


@contextmanager
def client_of(agent: Agent) -> Iterator[ssh.AgentClient]:
    near, far = socket.socketpair()
    near.settimeout(20)
    thread = threading.Thread(target=serve, args=(far, agent))
    thread.start()
    with near:
        yield ssh.AgentClient(near)
    thread.join(20)
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> list[SSHKey]:
    folder = tmp_path_factory.mktemp("keys")
    texts = {
        "rsa": ssh.text(ssh.RSA, ssh.PEM),
        "ecdsa": ssh.text(ssh.P256, ssh.PKCS8),
        "ed25519": ssh.text(ssh.ED25519, ssh.OPENSSH),
    }
    return [load_key(ssh.write(folder, name, content), "--ssh a") for name, content in texts.items()]


def test_an_agent_lists_its_keys_by_their_files_names(keys: list[SSHKey]) -> None:
    with client_of(key_agent(keys)) as client:
        assert client.identities() == {key.blob: key.comment for key in keys}
        assert [key.comment for key in keys] == ["rsa", "ecdsa", "ed25519"]


def test_an_agent_without_keys_says_so() -> None:
    with client_of(key_agent([])) as client:
        assert client.identities() == {}


def test_an_agent_signs_with_the_key_that_is_asked_for(keys: list[SSHKey]) -> None:
    with client_of(key_agent(keys)) as client:
        for key in keys:
            ssh.verify(key.blob, client.sign(key.blob, b"challenge", 4), b"challenge")


def test_a_key_that_the_agent_does_not_have_is_refused(keys: list[SSHKey]) -> None:
    with client_of(key_agent(keys[:1])) as client:
        assert client.sign(keys[1].blob, b"challenge") == b""


@pytest.mark.parametrize("kind", REFUSED.values(), ids=REFUSED.keys())
def test_nothing_else_is_answered(keys: list[SSHKey], kind: int) -> None:
    with client_of(key_agent(keys)) as client:
        assert client.ask(bytes((kind,)) + bytes(30)) == FAILURE
        assert len(client.identities()) == 3


def test_many_requests_may_be_on_their_way(keys: list[SSHKey]) -> None:
    with client_of(key_agent(keys)) as client:
        client.socket.sendall(ssh.string(bytes((11,))) * 50)

        answers = {client.answer() for _ in range(50)}

        assert len(answers) == 1


@pytest.mark.parametrize("size", [0, MOST_MESSAGE + 1, 2**32 - 1])
def test_a_message_of_a_size_that_none_has_ends_the_connection(keys: list[SSHKey], size: int) -> None:
    with client_of(key_agent(keys)) as client:
        client.socket.sendall(size.to_bytes(4, "big"))

        assert client.socket.recv(1) == b""


@pytest.mark.parametrize("wire", [b"\0\0", b"\0\0\0\5\13ab"])
def test_a_client_that_goes_away_in_the_middle_ends_the_connection(keys: list[SSHKey], wire: bytes) -> None:
    with client_of(key_agent(keys)) as client:
        client.socket.sendall(wire)


def sign_request(blob: bytes) -> st.SearchStrategy[bytes]:
    """Sign requests with sizes that are right or not, and something behind."""
    sizes = st.sampled_from([0, 1, len(blob), 2**31, 2**32 - 1])
    return st.builds(
        lambda size, data, end: bytes((13,)) + size.to_bytes(4, "big") + blob + data + end,
        sizes,
        st.binary(max_size=20) | st.binary(max_size=20).map(ssh.string),
        st.sampled_from([b"", bytes(3), bytes(4), bytes(5)]),
    )


_BLOB = bytes(40)
_REQUESTS = st.binary(min_size=1, max_size=100) | sign_request(_BLOB)


@given(_REQUESTS)
def test_whatever_is_asked_has_one_answer(request: bytes) -> None:
    answer = key_agent([])(request)

    assert answer == (b"\x0c\0\0\0\0" if request[0] == 11 else FAILURE)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.binary(max_size=40) | _REQUESTS.map(ssh.string), max_size=8).map(b"".join))
def test_whatever_a_client_sends_the_connection_ends_with_it(wire: bytes) -> None:
    with client_of(key_agent([])) as client:
        client.socket.sendall(wire)
        client.socket.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):  # it closed before it had read all
            while client.socket.recv(1 << 16):
                pass


@contextmanager
def upstream(answer: Callable[[bytes], bytes]) -> Iterator[tuple[socket.socket, list[bytes]]]:
    """Another agent, and what it was asked."""
    asked: list[bytes] = []

    def noted(request: bytes) -> bytes:
        asked.append(request)
        return answer(request)

    with client_of(noted) as client:
        yield client.socket, asked


def test_the_users_agent_is_asked_for_keys_and_signatures(keys: list[SSHKey]) -> None:
    with upstream(key_agent(keys)) as (there, _), client_of(passed_on(there)) as client:
        assert client.identities() == {key.blob: key.comment for key in keys}
        ssh.verify(keys[2].blob, client.sign(keys[2].blob, b"challenge"), b"challenge")


@pytest.mark.parametrize("kind", REFUSED.values(), ids=REFUSED.keys())
def test_nothing_else_reaches_the_users_agent(kind: int) -> None:
    with upstream(lambda _: bytes((6,))) as (there, asked), client_of(passed_on(there)) as client:
        assert client.ask(bytes((kind,)) + bytes(30)) == FAILURE
        assert asked == []


def test_a_malformed_sign_request_does_not_reach_the_users_agent() -> None:
    with upstream(lambda _: bytes((6,))) as (there, asked), client_of(passed_on(there)) as client:
        assert client.ask(bytes((13,)) + b"\xff\xff\xff\xffabc") == FAILURE
        assert asked == []


def test_an_agent_that_goes_away_ends_the_connection() -> None:
    near, far = socket.socketpair()
    far.close()
    with near, client_of(passed_on(near)) as client:
        assert client.ask(bytes((11,))) == b""


def test_an_agent_that_answers_too_much_ends_the_connection() -> None:
    near, far = socket.socketpair()
    with near, far, client_of(passed_on(near)) as client:
        far.sendall((2**31).to_bytes(4, "big"))

        assert client.ask(bytes((11,))) == b""
