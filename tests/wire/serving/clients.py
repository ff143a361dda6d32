"""Clients of an endpoint's sockets, and what is said of those that are not let in."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from router.flags.listen import parse_listen
from router.model.tls import TLSOptions
from router.net.stream import ByteStream
from router.serving.listener import Accepted, Admission, Listener
from router.serving.listening import listen_on

_PATIENCE = 20


class Said:
    """What was said, for a test to wait for: it comes from other threads."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._heard = threading.Condition()

    def __call__(self, text: str) -> None:
        with self._heard:
            self.texts.append(text)
            self._heard.notify_all()

    def wait(self, count: int) -> Sequence[str]:
        """Return what was said once that many things were."""
        with self._heard:
            assert self._heard.wait_for(lambda: len(self.texts) >= count, _PATIENCE), self.texts
            return tuple(self.texts)


@contextmanager
def listening(
    *addresses: str,
    inherited: Sequence[socket.socket] = (),
    tls: TLSOptions | None = None,
    insecure: bool = False,
    said: Said | None = None,
) -> Iterator[Listener]:
    """Listen as the command does; yield the first listener."""
    found = listen_on(
        [parse_listen(address) for address in addresses],
        inherited,
        Admission(tls=tls, insecure=insecure),
        said or Said(),
    )
    with ExitStack() as stack:
        for listener in found:
            stack.enter_context(listener)
        yield found[0]


def let_in(listener: Listener) -> Accepted:
    """Return the next client."""
    accepted = listener.accept()
    assert accepted is not None
    return accepted


def receive(stream: ByteStream) -> bytes:
    """Return the next bytes of a client, empty at the end."""
    while (data := stream.recv()) is None:
        ready, _, _ = select.select([stream.fileno()], [], [], _PATIENCE)
        assert ready, "nothing came"
    return data


@contextmanager
def aside(action: Callable[[], object]) -> Iterator[threading.Thread]:
    """Do something in a thread that has ended at the end of the block."""
    thread = threading.Thread(target=action)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(_PATIENCE)
        assert not thread.is_alive()
