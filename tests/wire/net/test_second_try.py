"""A stream that takes the place of one that failed before it answered."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from router.errors import ConnectionLostError, DialError
from router.net.second_try import SecondTry
from router.net.sockets import SocketStream
from router.net.stream import ByteStream
from tests.wire.transport.peers import receive


class Failing(SocketStream):
    """A stream that says, when it has sent something, that it leads nowhere."""

    def __init__(self, error: Exception) -> None:
        self.ours, self.theirs = socket.socketpair()
        super().__init__(self.ours, "nowhere")
        self._error = error

    def recv(self) -> bytes | None:
        raise self._error

    def close(self) -> None:
        super().close()
        self.theirs.close()


@pytest.fixture
def pair() -> tuple[SocketStream, socket.socket]:
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    return SocketStream(ours, "second"), theirs


def never(exc: DialError) -> ByteStream:
    """Be what is not to be asked for."""
    raise AssertionError from exc


def second(stream: ByteStream) -> Callable[[DialError], ByteStream]:
    """Return what hands out this stream."""
    return lambda _exc: stream


def test_what_was_sent_is_sent_again(pair: tuple[SocketStream, socket.socket]) -> None:
    stream, theirs = pair
    tried = SecondTry(Failing(DialError("nowhere")), second(stream))
    assert tried.send([b"pre", memoryview(b"face")]) == 7
    assert tried.recv() is None
    assert tried.send([b", more"]) == 6
    assert theirs.recv(100) == b"preface, more"
    theirs.sendall(b"answer")
    assert receive(tried, 6) == b"answer"
    tried.close()
    theirs.close()


def test_a_fault_of_the_second_is_final(pair: tuple[SocketStream, socket.socket]) -> None:
    stream, theirs = pair
    stream.close()
    theirs.close()
    tried = SecondTry(Failing(DialError("first")), second(Failing(DialError("second"))))
    assert tried.recv() is None
    with pytest.raises(DialError, match="second"):
        tried.recv()
    tried.close()


def test_a_second_that_can_not_be_had_raises_its_own_error(pair: tuple[SocketStream, socket.socket]) -> None:
    stream, theirs = pair
    stream.close()
    theirs.close()

    def refuse(exc: DialError) -> ByteStream:
        raise DialError(f"no other way than {exc}")

    tried = SecondTry(Failing(DialError("first")), refuse)
    with pytest.raises(DialError, match="no other way than first"):
        tried.recv()
    tried.close()


def test_a_connection_that_is_lost_is_not_tried_again() -> None:
    tried = SecondTry(Failing(ConnectionLostError("cut")), never)
    with pytest.raises(ConnectionLostError, match="cut"):
        tried.recv()
    tried.close()


def test_who_has_answered_is_stayed_with(pair: tuple[SocketStream, socket.socket]) -> None:
    stream, theirs = pair
    tried = SecondTry(stream, never)
    theirs.sendall(b"hello")
    assert receive(tried, 5) == b"hello"
    theirs.close()
    assert receive(tried, 1) == b""
    tried.close()


def test_the_end_of_what_is_sent_is_told_again_too(pair: tuple[SocketStream, socket.socket]) -> None:
    stream, theirs = pair
    tried = SecondTry(Failing(DialError("nowhere")), second(stream))
    tried.send([b"all"])
    assert tried.finish()
    assert tried.recv() is None
    assert theirs.recv(100) == b"all"
    assert theirs.recv(100) == b""
    tried.close()
    theirs.close()
