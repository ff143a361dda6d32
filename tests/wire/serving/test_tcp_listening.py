"""TCP ports of an endpoint: free on this machine, closed to others unless somebody says otherwise."""

from __future__ import annotations

import socket
import threading

import pytest

from router.errors import RouterError, UsageError
from router.model.address import TcpAddress
from router.serving.listener import Admission
from router.serving.tcp_listening import client_of, tcp_listener
from tests.servers.ports import free_port
from tests.unit.few_files import few_files
from tests.wire.serving.clients import let_in, listening, receive


def connected(port: int, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, port), timeout=20)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_whoever_is_on_this_machine_is_let_in(host: str) -> None:
    port = free_port()
    with listening(f"tcp://{host}:{port}") as listener, connected(port) as client:
        accepted = let_in(listener)
        client.sendall(b"hello")

        assert receive(accepted.stream) == b"hello"
        assert accepted.who == "local"
        assert accepted.description == f"127.0.0.1 port {client.getsockname()[1]}"
        assert listener.address == f"tcp://{host}:{port}"
        accepted.stream.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]"])
def test_other_machines_are_not_let_in_by_mistake(host: str) -> None:
    address = f"tcp://{host}:{free_port()}"
    with pytest.raises(UsageError) as caught, listening(address):
        pass

    assert str(caught.value) == f"{address} is open to other machines, and would accept everybody"
    assert caught.value.hint is not None
    assert "--insecure" in caught.value.hint


def test_insecure_listens_to_other_machines() -> None:
    port = free_port()
    with listening(f"tcp://0.0.0.0:{port}", insecure=True) as listener, connected(port):
        let_in(listener).stream.close()


@pytest.mark.parametrize(
    ("host", "who"),
    [
        ("127.0.0.1", "local"),
        ("127.8.0.1", "local"),
        ("::1", "local"),
        ("::ffff:127.0.0.1", "local"),
        ("10.0.0.7", "host 10.0.0.7"),
        ("::ffff:10.0.0.7", "host 10.0.0.7"),
        ("fe80::1%eth0", "host fe80::1%eth0"),
    ],
)
def test_each_machine_is_a_client_of_its_own(host: str, who: str) -> None:
    assert client_of(host) == who


def test_a_port_in_use_is_refused() -> None:
    port = free_port()
    with (
        listening(f"tcp://127.0.0.1:{port}"),
        pytest.raises(RouterError) as caught,
        listening(f"tcp://127.0.0.1:{port}"),
    ):
        pass

    assert str(caught.value) == f"can't listen on tcp://127.0.0.1:{port}: address already in use"
    assert caught.value.reason == "in-use"


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UsageError, match=r"the name nowhere\.invalid is not known"):
        listening("tcp://nowhere.invalid:1").__enter__()


def test_where_a_later_address_fails_the_earlier_ones_are_free_again() -> None:
    port = free_port()
    with (
        pytest.raises(UsageError),
        listening(f"tcp://127.0.0.1:{port}", "tcp://nowhere.invalid:1"),
    ):
        pass

    with listening(f"tcp://127.0.0.1:{port}"):
        pass


def test_a_client_that_comes_while_no_file_can_be_opened_is_let_in_later() -> None:
    port = free_port()
    with listening(f"tcp://127.0.0.1:{port}") as listener, connected(port) as client:

        def accept() -> None:
            let_in(listener).stream.close()

        with few_files(0):
            thread = threading.Thread(target=accept)
            thread.start()
            client.settimeout(0.5)
            with pytest.raises(TimeoutError):
                client.recv(1)
        client.settimeout(20)
        assert client.recv(1) == b""
        thread.join(20)


def test_a_dual_socket_knows_the_loopback_of_the_other_family() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as dual:
        listener = tcp_listener(dual, TcpAddress(host="::"), Admission(insecure=True), print)
        with listener, connected(dual.getsockname()[1]):
            accepted = let_in(listener)
            accepted.stream.close()

    assert accepted.who == "local"
