"""Directories that several builds of a run have in common: each daemon reads them once, not once a build.

A daemon reads a build's files through the build's own session, and so knows the files of two builds as two
things. A frontend that is told ``local-sessionid:NAME`` takes them from another session: here from one that
each daemon gets beside its builds, and that lasts as long as the run. Frontends that don't know the option
find the same files in the build's own session.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
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

__all__ = ["Keeper", "Offered", "Portion", "Share", "SharedFiles"]


@frozen
class Share:
    """A directory that several builds read: the daemon's name for it, its path without links, and what they
    select of it, in a word that is the same for the same files."""

    name: str
    path: str
    selection: str


# Where the session is slow to open, a build has its files read through its own.
_PATIENCE = 3.0


class SharedFiles(Closing):
    """What the builds of a run share, on all daemons: by their names, the shares of each.

    Used by several threads; close it after the builds.
    """

    def __init__(self, shares: Mapping[str, frozenset[Share]]) -> None:
        self._shares = shares
        self._all = frozenset(share for each in shares.values() for share in each)
        self._lock = threading.Lock()
        self._keepers: dict[tuple[str, str], Keeper] = {}

    def of(self, build: str) -> Portion:
        """Return what one of the builds shares."""
        return Portion(self, self._shares.get(build, frozenset()))

    def keeper(self, daemon: Daemon, context: BackendContext) -> Keeper:
        """Return what offers all shares to a daemon."""
        place = daemon.name, str(daemon.address)
        with self._lock:
            keeper = self._keepers.get(place)
            if keeper is not None and keeper.gone:
                keeper.close()
                keeper = None
            if keeper is None:
                keeper = self._keepers[place] = Keeper(daemon, self._all, context)
        return keeper

    def close(self) -> None:
        """Close the sessions."""
        with self._lock:
            keepers = list(self._keepers.values())
            self._keepers.clear()
        for keeper in keepers:
            keeper.close()


class Portion:
    """What one build shares with others."""

    def __init__(self, files: SharedFiles, shares: frozenset[Share]) -> None:
        self._files = files
        self._shares = shares

    def offered(self, daemon: Daemon, inputs: Inputs, context: BackendContext) -> Offered | None:
        """Return what is offered to a daemon for the build, None where it shares nothing."""
        shares = {
            share.name: share
            for share in self._shares
            if share.name in inputs.directories
            and share.name not in inputs.fresh
            and os.path.realpath(inputs.directories[share.name]) == share.path
        }
        return Offered(self._files.keeper(daemon, context), shares) if shares else None


class Offered:
    """Directories of a build that a daemon reads through a session which others have as well."""

    def __init__(self, keeper: Keeper, shares: Mapping[str, Share]) -> None:
        self._keeper = keeper
        self._shares = shares

    def added_to(self, inputs: Inputs) -> Inputs:
        """Return inputs whose shared directories the frontend is to take from there, if they are offered."""
        sessions = self._keeper.sessions()
        attrs = {
            f"local-sessionid:{name}": sessions[share].id
            for name, share in self._shares.items()
            if share in sessions
        }
        return replace(inputs, attrs={**inputs.attrs, **attrs})

    def failures(self) -> Sequence[RouterError]:
        """Return why directories could not be read."""
        return [error for share in self._shares.values() for error in self._keeper.failures(share)]

    def wake_by(self, wake: Callable[[], None]) -> None:
        """Have ``wake`` called when a directory could not be read."""
        self._keeper.wake_by(wake)


@frozen
class _Session:
    """One directory's session."""

    id: str
    server: SessionServer


class Keeper:
    """Offers shares to one daemon, from a thread and over a connection of its own, until closed."""

    def __init__(self, daemon: Daemon, shares: frozenset[Share], context: BackendContext) -> None:
        self._daemon = daemon
        self._shares = shares
        # The first build may be over long before this is.
        self._context = replace(context, on_event=_ignore, linked=None, shared=None)
        self._stop = Cancellation("bake")
        self._opened = threading.Event()
        self._sessions: dict[Share, _Session] = {}
        self._wakes: list[Callable[[], None]] = []
        self.gone = False
        """Whether it offers nothing any more."""
        self._thread = threading.Thread(target=self._run, name="shared files", daemon=True)
        self._thread.start()

    def sessions(self) -> Mapping[Share, _Session]:
        """Return the sessions by what they offer, as soon as they are open; nothing where they aren't."""
        self._opened.wait(_PATIENCE)
        return self._sessions if self._opened.is_set() and not self.gone else {}

    def failures(self, share: Share) -> Sequence[RouterError]:
        """Return why a directory could not be read."""
        session = self._sessions.get(share)
        return () if session is None else tuple(session.server.failures)

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
                calls = [self._open(channel, share, opened) for share in sorted(self._shares, key=str)]
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

    def _open(self, channel: RpcChannel, share: Share, opened: ExitStack) -> RpcCall:
        inputs = Inputs(directories={share.name: share.path})
        # A daemon's copy is of one selection of files: another would replace them, each time.
        context = replace(self._context, key="", context_id=share.selection)
        copies = open_copies(BuildRequest(), inputs, context)
        opened.callback(copies.close)
        server = SessionServer(
            unary={health.CHECK: health.check},
            streaming=filesync(inputs.directories, copies.manner),
            wake=channel.wake,
        )
        opened.callback(server.close)
        session = _Session(id=os.urandom(16).hex(), server=server)
        self._sessions[share] = session
        metadata = [
            ("x-docker-expose-session-uuid", session.id),
            ("x-docker-expose-session-sharedkey", copies.shared_key),
            *(("x-docker-expose-session-grpc-method", method) for method in server.methods),
        ]
        return Control(channel).session(metadata, server, server.receive)


def _ignore(_event: Event) -> None:
    """Hear nothing of the builds."""
