"""The progress of a build: replayed once it is over, followed while it runs. BuildKit's Status."""

from __future__ import annotations

from collections.abc import Callable

from router.cancellation import Cancellation
from router.model.events import SolveStatus
from router.operations.records import DaemonRecord
from router.rpc import open_channel
from router.solve.control import Control
from router.transport.options import DialOptions

__all__ = ["follow_build"]


def follow_build(
    build: DaemonRecord,
    options: DialOptions,
    on_status: Callable[[SolveStatus], None],
    cancellation: Cancellation,
) -> None:
    """Tell all that a build has told and tells until it ends, in this thread.

    Raises ``UnreachableError``, ``RpcError``, and ``CancelledError`` when ``cancellation`` is thrown.
    """
    daemon = build.daemon
    with open_channel(daemon.address, options, peer=daemon.peer, cancellation=cancellation) as channel:
        control = Control(channel)
        call = control.status(build.record.ref, on_status)
        channel.handshake(options.timeout)
        control.outlast(lambda: call.done)
        if call.error is not None:
            raise call.error
