"""Calls of the fleet's methods as the endpoint makes them, and the same calls on one daemon by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from google.protobuf.message import Message

from router.cancellation import Cancellation
from router.errors import RpcError
from router.model.daemon import Daemon
from router.rpc import open_channel
from router.serving.fleet_calls import FleetMethod
from router.serving.fleet_methods import fleet_methods
from router.serving.inquiry import Inquiry
from router.serving.peers import Peers
from router.serving.whereabouts import Whereabouts
from router.session.server import CallRefused
from router.transport.options import DialOptions

CONTROL = "/moby.buildkit.v1.Control/"
CONTENT = "/containerd.services.content.v1.Content/"

Outcome = tuple[int, str]
"""A status and its message."""


class FleetCalls:
    """The methods over some daemons. ``told`` has what was said of daemons that did not answer; ``hidden``
    are builds that the client may not know of."""

    def __init__(self, methods: Mapping[str, FleetMethod], told: list[str]) -> None:
        self.told = told
        self.hidden: set[str] = set()
        self._methods = methods

    def ask(
        self, method: str, request: Message, then: Callable[[bytes], None] = lambda _message: None
    ) -> list[bytes]:
        """Return the messages of the answer; ``then`` gets each before the next. Raises ``CallRefused``."""
        return self.ask_packed(method, request.SerializeToString(), then)

    def ask_packed(
        self, method: str, request: bytes, then: Callable[[bytes], None] = lambda _message: None
    ) -> list[bytes]:
        """Do the same with a request as it is."""
        found: list[bytes] = []

        def emit(message: bytes) -> None:
            found.append(message)
            then(message)

        with Cancellation() as cancellation:
            self._methods[method](
                Inquiry(request=request, emit=emit, cancellation=cancellation, hides=self.hidden.__contains__)
            )
        return found

    def refused(self, method: str, request: Message) -> Outcome:
        """Return the status that a call ends with."""
        try:
            self.ask(method, request)
        except CallRefused as exc:
            return exc.code, str(exc)
        return 0, ""

    @contextmanager
    def following(self, method: str, request: Message) -> Iterator[Followed]:
        """Follow a stream until the context is left, as a client that hangs up then."""
        followed = Followed()
        arguments = (self._methods[method], request, self.hidden.__contains__)
        thread = threading.Thread(target=followed.run, args=arguments, name="client")
        thread.start()
        try:
            yield followed
        finally:
            followed.cancellation.cancel()
            thread.join(5)
            assert not thread.is_alive()
            followed.cancellation.close()


class Followed:
    """A stream under way."""

    def __init__(self) -> None:
        self.cancellation = Cancellation()
        self.messages: list[bytes] = []
        self.ended: BaseException | None = None
        self.over = False
        self._more = threading.Condition()

    def run(self, method: FleetMethod, request: Message, hides: Callable[[str], bool]) -> None:
        """Make the call, in a thread."""
        try:
            packed = request.SerializeToString()
            method(Inquiry(request=packed, emit=self._emit, cancellation=self.cancellation, hides=hides))
        except Exception as exc:  # noqa: BLE001 - the test looks at it
            self.ended = exc
        with self._more:
            self.over = True
            self._more.notify_all()

    def wait(self, until: Callable[[Sequence[bytes]], bool], *, within: float = 20.0) -> list[bytes]:
        """Return the messages once ``until`` says so of them."""
        end = time.monotonic() + within
        with self._more:
            assert self._more.wait_for(lambda: until(self.messages), end - time.monotonic()), self.messages
            return list(self.messages)

    def ends(self, *, within: float) -> bool:
        """Say whether the call is over, now or soon."""
        with self._more:
            return self._more.wait_for(lambda: self.over, within)

    def _emit(self, message: bytes) -> None:
        with self._more:
            self.messages.append(message)
            self._more.notify_all()


@contextmanager
def fleet_of(daemons: Sequence[Daemon] | Callable[[], Sequence[Daemon]]) -> Iterator[FleetCalls]:
    """Yield the methods over daemons, or over what a function lists."""
    told: list[str] = []
    listed = daemons if callable(daemons) else lambda: daemons
    with Peers(listed, DialOptions(timeout=10, tell=told.append)) as peers:
        yield FleetCalls(fleet_methods(peers, Whereabouts()), told)


def alone(daemon: Daemon, method: str, request: Message) -> list[bytes]:
    """Return what a daemon answers by itself. Raises ``RpcError``."""
    found: list[bytes] = []
    with open_channel(daemon.address, DialOptions(timeout=10), peer=daemon.peer) as channel:
        call = channel.start(
            method,
            request=request.SerializeToString(),
            on_message=lambda message: found.append(bytes(message)),
        )
        channel.run(lambda: call.done, timeout=20)
    if call.error is not None:
        raise call.error
    return found


def refused_alone(daemon: Daemon, method: str, request: Message) -> Outcome:
    """Return the status that a daemon's own answer ends with."""
    try:
        alone(daemon, method, request)
    except RpcError as exc:
        return exc.code, str(exc)
    return 0, ""
