"""Whether a daemon may be stopped: how many builds it has in flight, and waiting until it has none."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from operator import ne

from router.cancellation import Cancellation
from router.errors import DialError, RpcError, UnreachableError
from router.model.daemon import Daemon
from router.operations.load import LoadWatch
from router.rpc.grpc import Status
from router.transport.options import DialOptions

__all__ = ["drain"]


def _nothing(_builds: int) -> None:
    """Hear nothing."""


def drain(
    daemon: Daemon,
    options: DialOptions,
    *,
    wait: float = 0.0,
    on_change: Callable[[int], None] = _nothing,
    cancellation: Cancellation | None = None,
) -> int:
    """Return how many builds a daemon has in flight, 0 as soon as it has none for up to ``wait`` seconds.

    ``on_change`` hears the number each time it changes while it is waited for. Raises ``UnreachableError``
    where the daemon can't be asked or can't tell, ``CancelledError``.
    """
    deadline = time.monotonic() + wait
    try:
        with LoadWatch(daemon, options, cancellation) as watch:
            while watch.builds and (left := deadline - time.monotonic()) > 0:
                seen = watch.builds
                on_change(seen)
                try:
                    watch.wait(partial(ne, seen), timeout=left)
                except DialError:
                    break  # the time is over
            return watch.builds
    except RpcError as exc:
        if exc.code != Status.UNIMPLEMENTED:
            raise
        raise UnreachableError(
            f"{daemon.name} can't tell its builds: it has no build history",
            hint="buildkitd has one since 0.11; an old Docker engine has none",
            reason="no-history",
        ) from exc
