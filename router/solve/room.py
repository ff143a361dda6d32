"""Whether a daemon has room for a build, asked over a connection of its own.

For backends without a connection of ours: the native backend asks over the build's.
"""

from __future__ import annotations

from router.cancellation import Cancellation
from router.errors import ConnectionLostError, DialError, RpcError
from router.model.daemon import Daemon
from router.rpc import open_channel
from router.rpc.grpc import Status
from router.solve.control import Control
from router.solve.inflight import too_busy
from router.transport.options import DialOptions

__all__ = ["builds_in_flight", "require_room"]


def builds_in_flight(
    daemon: Daemon, options: DialOptions, cancellation: Cancellation | None = None
) -> int | None:
    """Ask a daemon over a connection of its own; None if it doesn't know.

    Raises ``DialError``, ``ConnectionLostError``, ``RpcError``, ``CancelledError``.
    """
    try:
        with open_channel(daemon.address, options, peer=daemon.peer, cancellation=cancellation) as channel:
            return Control(channel).active_builds(timeout=options.timeout)
    except RpcError as exc:
        if exc.code != Status.UNIMPLEMENTED:
            raise
        return None


def require_room(daemon: Daemon, bound: int, options: DialOptions, cancellation: Cancellation) -> None:
    """Raise ``BusyError`` if a daemon has ``bound`` builds in flight or more, ``DialError`` if it can't be
    asked."""
    try:
        builds = builds_in_flight(daemon, options, cancellation)
    except (ConnectionLostError, RpcError) as exc:
        raise DialError(str(exc), hint=exc.hint, temporary=exc.temporary) from exc
    if builds is not None and builds >= bound:
        raise too_busy(daemon.name, builds, bound)
