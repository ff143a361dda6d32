"""Directories that several builds of a run have in common: each daemon reads them once, not once a build.

A daemon reads a build's files through the build's own session, and so knows the files of two builds as two
things. A frontend that is told ``local-sessionid:NAME`` takes them from another session: here from one that
each daemon gets beside its builds, and that lasts as long as the run. Frontends that don't know the option
find the same files in the build's own session.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack

from router.backends import BackendContext
from router.backends.copies import open_copies
from router.cancellation import Cancellation
from router.closing import Closing
from router.errors import RouterError
from router.model.daemon import Daemon
from router.model.events import Event
from router.model.frozen import frozen, replace
from router.model.request import BuildRequest
from router.rpc import RpcCall, RpcChannel, open_channel
from router.session import health
from router.session.filesync import filesync, prepare
from router.session.server import SessionServer
from router.solve.control import Control
from router.solve.inputs import Inputs

__all__ = ["Keeper", "SharedFiles", "Shares"]

Shares = frozenset[tuple[str, str]]
"""Directories: the daemon's name for each, and its path without links."""

# Where the session is slow to open, a build has its files read through its own.
_PATIENCE = 3.0


class SharedFiles(Closing):
    """What the builds of a run share, on all daemons. Used by several threads; close it after the builds."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares
        self._lock = threading.Lock()
        self._keepers: dict[tuple[str, str], Keeper] = {}

    def keeper(self, daemon: Daemon, inputs: Inputs, context: BackendContext) -> Keeper | None:
        """Return what offers the shared directories to a daemon, None where a build has none of them."""
        if not any(_shared(inputs, self._shares)):
            return None
        place = daemon.name, str(daemon.address)
        with self._lock:
            keeper = self._keepers.get(place)
            if keeper is not None and keeper.gone:
                keeper.close()
                keeper = None
            if keeper is None:
                keeper = self._keepers[place] = Keeper(daemon, self._shares, context)
        return keeper

    def close(self) -> None:
        """Close the sessions."""
        with self._lock:
            keepers = list(self._keepers.values())
            self._keepers.clear()
        for keeper in keepers:
            keeper.close()


@frozen
class _Session:
    """One directory's session."""

    id: str
    server: SessionServer


class Keeper:
    """Offers directories to one daemon, from a thread and over a connection of its own, until closed."""

    def __init__(self, daemon: Daemon, shares: Shares, context: BackendContext) -> None:
        self._daemon = daemon
        self._shares = shares
        # The first build may be over long before this is.
        self._context = replace(context, key="", context_id="", on_event=_ignore, linked=None)
        self._stop = Cancellation("bake")
        self._opened = threading.Event()
        self._sessions: dict[tuple[str, str], _Session] = {}
        self._wakes: list[Callable[[], None]] = []
        self.gone = False
        """Whether it offers nothing any more."""
        self._thread = threading.Thread(target=self._run, name="shared files", daemon=True)
        self._thread.start()

    def added_to(self, inputs: Inputs) -> Inputs:
        """Return inputs whose shared directories the frontend is to take from here, if they are offered."""
        self._opened.wait(_PATIENCE)
        if self.gone or not self._opened.is_set():
            return inputs
        attrs = {
            f"local-sessionid:{name}": self._sessions[name, path].id
            for name, path in _shared(inputs, self._shares)
        }
        return replace(inputs, attrs={**inputs.attrs, **attrs})

    def failures(self, inputs: Inputs) -> Sequence[RouterError]:
        """Return why directories of a build could not be read."""
        if not self._opened.is_set():
            return ()
        return [
            error
            for share in _shared(inputs, self._shares)
            if share in self._sessions
            for error in self._sessions[share].server.failures
        ]

    def wake_by(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called when a directory could not be read."""
        self._wakes.append(wake)

    def close(self) -> None:
        """End the sessions."""
        self._stop.cancel("the builds are over")
        self._thread.join()
        self._stop.close()

    def _run(self) -> None:
        try:
            with self._dialled() as channel, ExitStack() as opened:
                calls = [self._open(channel, *share, opened) for share in sorted(self._shares)]
                channel.handshake(self._context.dial.timeout)
                self._opened.set()
                prepare()
                while not any(call.done for call in calls):
                    self._run_until_news(channel, calls)
        except RouterError:
            pass  # a build that needs a session that is gone says so
        finally:
            self.gone = True
            self._opened.set()
            self._wake()

    def _run_until_news(self, channel: RpcChannel, calls: Sequence[RpcCall]) -> None:
        known = self._failed
        channel.run(lambda: self._failed > known or any(call.done for call in calls))
        self._wake()

    def _wake(self) -> None:
        for wake in tuple(self._wakes):
            wake()

    def _dialled(self) -> RpcChannel:
        dial, peer = self._context.dial, self._daemon.peer
        return open_channel(self._daemon.address, dial, peer=peer, cancellation=self._stop)

    @property
    def _failed(self) -> int:
        return sum(len(each.server.failures) for each in self._sessions.values())

    def _open(self, channel: RpcChannel, name: str, path: str, opened: ExitStack) -> RpcCall:
        inputs = Inputs(directories={name: path})
        copies = open_copies(BuildRequest(), inputs, self._context)
        opened.callback(copies.close)
        server = SessionServer(
            unary={health.CHECK: health.check},
            streaming=filesync(inputs.directories, copies.manner),
            wake=channel.wake,
        )
        opened.callback(server.close)
        session = _Session(id=os.urandom(16).hex(), server=server)
        self._sessions[name, path] = session
        metadata = [
            ("x-docker-expose-session-uuid", session.id),
            ("x-docker-expose-session-sharedkey", copies.shared_key),
            *(("x-docker-expose-session-grpc-method", method) for method in server.methods),
        ]
        return Control(channel).session(metadata, server, server.receive)


def _ignore(_event: Event) -> None:
    """Hear nothing of the builds."""


def _shared(inputs: Inputs, shares: Shares) -> Iterator[tuple[str, str]]:
    """Yield what of a build's directories is shared."""
    for name, path in inputs.directories.items():
        share = name, os.path.realpath(path)
        if share in shares and name not in inputs.fresh:
            yield share
