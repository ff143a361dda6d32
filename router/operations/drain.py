"""Whether a daemon may be stopped: how many builds it has in flight, and waiting until it has none."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from operator import ne

from router.cancellation import Cancellation
from router.errors import RpcError, UnreachableError
from router.model.daemon import Daemon
from router.operations.load import LoadWatch
from router.rpc.grpc import Status
from router.transport.options import DialOptions

__all__ = ["drain"]

# A daemon is idle that has had no build for so long, in seconds. buildkitd lists a build a moment after it
# has taken it: what it had taken before the first look is listed by the last one.
_SETTLED = 1.0


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
    """Return how many builds a daemon has in flight: 0 as soon as it has had none for a second, the number
    where it still has some when ``wait`` seconds are over.

    ``on_change`` hears the number each time it changes while it is waited for. Raises ``UnreachableError``
    where the daemon can't be asked or can't tell, ``CancelledError``.
    """
    deadline = time.monotonic() + wait
    try:
        with LoadWatch(daemon, options, cancellation) as watch:
            while not _idle(watch):
                left = deadline - time.monotonic()
                if left <= 0:
                    return watch.builds
                on_change(watch.builds)
                watch.wait(partial(ne, watch.builds), timeout=left)
            return 0
    except RpcError as exc:
        if exc.code != Status.UNIMPLEMENTED:
            raise
        raise UnreachableError(
            f"{daemon.name} can't list its builds: it has no build history",
            hint="buildkitd has one since 0.11; an old Docker engine has none",
            reason="no-history",
        ) from exc


def _idle(watch: LoadWatch) -> bool:
    if watch.builds:
        return False
    return not watch.wait(bool, timeout=_SETTLED) and watch.look() == 0
