"""Dialling TCP."""

from __future__ import annotations

import os
import socket
import threading
import time

import pytest

from router.address import parse_address
from router.errors import ConnectionLostError, DialError
from router.transport import dial
from router.transport.options import DialOptions
from tests.unit.few_files import few_files
from tests.wire.transport.peers import echo, peer, receive, silent_port, transfer, unused_port

OPTIONS = DialOptions(timeout=5)


def test_bytes_go_there_and_back_whole() -> None:
    data = os.urandom(3_000_000)
    with peer(echo) as port:
        stream = dial(parse_address(f"tcp://127.0.0.1:{port}"), OPTIONS)
        assert transfer(stream, [data], expect=len(data)) == data
        stream.close()


def test_a_stream_with_nothing_to_read_says_none_and_at_its_end_empty_bytes() -> None:
    with peer(lambda sock: sock.sendall(b"bye") if sock.recv(1) else None) as port:
        stream = dial(parse_address(f"tcp://127.0.0.1:{port}"), OPTIONS)
        assert stream.recv() is None
        assert stream.send([b"x"]) == 1
        assert receive(stream, 10) == b"bye"
        assert stream.recv() == b""
        stream.close()


def test_a_peer_that_does_not_read_makes_send_take_nothing() -> None:
    def read_late(_: socket.socket) -> None:
        gone.wait(20)

    gone = threading.Event()
    with peer(read_late) as port:
        stream = dial(parse_address(f"tcp://127.0.0.1:{port}"), OPTIONS)
        while stream.send([bytes(1 << 20)]):
            pass
        gone.set()
        stream.close()


def test_ipv6_is_dialled() -> None:
    with peer(echo, listener=socket.create_server(("::1", 0), family=socket.AF_INET6)) as port:
        stream = dial(parse_address(f"tcp://[::1]:{port}"), OPTIONS)
        assert transfer(stream, [b"hello"], expect=5) == b"hello"
        stream.close()


def test_a_name_is_tried_at_each_of_its_addresses() -> None:
    # localhost is ::1 first on most machines; only 127.0.0.1 listens.
    with peer(echo) as port:
        stream = dial(parse_address(f"tcp://localhost:{port}"), OPTIONS)
        assert transfer(stream, [b"hello"], expect=5) == b"hello"
        stream.close()


def test_a_refused_connection_is_told_at_once() -> None:
    port = unused_port()
    with pytest.raises(
        DialError, match=f"can't connect to tcp://127.0.0.1:{port}: connection refused"
    ) as caught:
        dial(parse_address(f"tcp://127.0.0.1:{port}"), OPTIONS)
    assert caught.value.reason == "refused"
    assert caught.value.temporary
    assert caught.value.hint == "check the port, and that the daemon is listening there"


def test_no_further_socket_is_no_fault_of_the_ports() -> None:
    with few_files(1), pytest.raises(DialError, match="too many open files") as caught:
        dial(parse_address(f"tcp://127.0.0.1:{unused_port()}"), OPTIONS)
    assert caught.value.hint == "raise the limit of open files: ulimit -n 4096"


def test_a_silent_address_is_given_up_at_the_deadline() -> None:
    with silent_port() as port:
        started = time.monotonic()
        with pytest.raises(DialError, match=r"no answer within 0\.3 s") as caught:
            dial(parse_address(f"tcp://127.0.0.1:{port}"), DialOptions(timeout=0.3))
        assert time.monotonic() - started < 2
    assert caught.value.reason == "timeout"


@pytest.mark.parametrize("name", ["no-such-host.invalid", f"{'x' * 64}.invalid"])
def test_an_unknown_name_is_told(name: str) -> None:
    with pytest.raises(DialError, match=f"the name {name} is not known$"):
        dial(parse_address(f"tcp://{name}:1"), OPTIONS)


def test_a_connection_that_breaks_names_the_address() -> None:
    def reset(sock: socket.socket) -> None:
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    with peer(reset) as port:
        stream = dial(parse_address(f"tcp://127.0.0.1:{port}"), OPTIONS)
        stream.send([b"x"])
        with pytest.raises(ConnectionLostError, match=f"tcp://127.0.0.1:{port}: connection reset by peer"):
            receive(stream, 1)
        stream.close()


def test_closing_twice_is_allowed_and_shows_in_the_repr() -> None:
    with peer(echo) as port:
        stream = dial(parse_address(f"tcp://127.0.0.1:{port}"), OPTIONS)
        assert "open" in repr(stream)
        stream.close()
        stream.close()
        assert "closed" in repr(stream)
