"""Moving bytes between a client and a daemon."""

from __future__ import annotations

import os
import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from router.cancellation import Cancellation
from router.errors import ConnectionLostError
from router.net.relay import relay
from router.net.sockets import SocketStream


class Ends:
    """The far ends of a relay that runs in a thread."""

    def __init__(self, *, deaf: bool = False) -> None:
        client, self.client = socket.socketpair()
        daemon, self.daemon = socket.socketpair()
        for far in (self.client, self.daemon):
            far.settimeout(20)
        self.stop = Cancellation()
        self.error: Exception | None = None
        stream = _Deaf(daemon, "daemon") if deaf else SocketStream(daemon, "daemon")
        self._streams = (SocketStream(client, "client"), stream)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            relay(*self._streams, cancellation=self.stop)
        except ConnectionLostError as exc:
            self.error = exc
        for stream in self._streams:
            stream.close()

    def ended(self, within: float = 10) -> bool:
        """Wait for the relay's end."""
        self.thread.join(within)
        return not self.thread.is_alive()

    def close(self) -> None:
        """End everything."""
        self.stop.cancel("over")
        self.thread.join(10)
        self.stop.close()
        self.client.close()
        self.daemon.close()


class _Deaf(SocketStream):
    """A stream that has no way to say that nothing more will be sent."""

    def finish(self) -> bool:
        return False


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.close()


def test_large_amounts_go_both_ways_at_once(ends: Ends) -> None:
    there, back = os.urandom(1 << 23), os.urandom(1 << 23)
    senders = [
        threading.Thread(target=ends.client.sendall, args=(there,)),
        threading.Thread(target=ends.daemon.sendall, args=(back,)),
    ]
    for sender in senders:
        sender.start()
    got: dict[str, bytes] = {}

    def read(name: str, sock: socket.socket, size: int) -> None:
        data = bytearray()
        while len(data) < size:
            data += sock.recv(1 << 16)
        got[name] = bytes(data)

    readers = [
        threading.Thread(target=read, args=("daemon", ends.daemon, len(there))),
        threading.Thread(target=read, args=("client", ends.client, len(back))),
    ]
    for thread in readers:
        thread.start()
    for thread in (*readers, *senders):
        thread.join(30)
    assert (got["daemon"], got["client"]) == (there, back)


def test_a_client_that_has_no_more_to_say_still_hears_the_daemon_out(ends: Ends) -> None:
    ends.client.sendall(b"question")
    ends.client.shutdown(socket.SHUT_WR)
    assert ends.daemon.recv(100) == b"question"
    assert ends.daemon.recv(100) == b""
    ends.daemon.sendall(b"answer")
    ends.daemon.close()
    assert ends.client.recv(100) == b"answer"
    assert ends.client.recv(100) == b""
    assert ends.ended()


def test_a_daemon_that_can_not_be_told_the_end_is_heard_until_it_is_silent() -> None:
    ends = Ends(deaf=True)
    ends.client.shutdown(socket.SHUT_WR)
    ends.daemon.sendall(b"answer")
    assert ends.client.recv(100) == b"answer"
    began = time.monotonic()
    assert ends.ended()
    assert time.monotonic() - began < 5
    ends.close()


def test_the_daemons_end_ends_it_although_the_client_is_there(ends: Ends) -> None:
    ends.daemon.close()
    assert ends.ended()
    assert ends.error is None


def test_a_client_that_is_gone_ends_it_without_an_error(ends: Ends) -> None:
    ends.client.close()
    ends.daemon.sendall(b"to nobody")
    ends.daemon.settimeout(10)
    assert ends.daemon.recv(100) == b""
    ends.daemon.close()
    assert ends.ended()
    assert ends.error is None


def test_a_cancellation_ends_it_at_once(ends: Ends) -> None:
    ends.stop.cancel("enough")
    assert ends.ended()


def test_a_reader_that_is_slow_holds_the_sender_back(ends: Ends) -> None:
    ends.daemon.setblocking(False)
    sent = 0
    while select.select([], [ends.daemon], [], 0.5)[1]:
        sent += ends.daemon.send(bytes(1 << 16))
        assert sent < 1 << 23
