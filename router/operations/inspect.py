"""Ask every daemon of a fleet how it is, in parallel, each with a deadline of its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from router.errors import RouterError, RpcError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.rpc import open_channel
from router.rpc.grpc import Status
from router.solve.control import Control
from router.transport.options import DialOptions

__all__ = ["DaemonReport", "inspect"]

_AT_ONCE = 32


@frozen
class DaemonReport:
    """What a daemon said. ``builds`` is the number of builds in flight, None where it can't tell.

    ``version`` is empty where it doesn't tell (the BuildKit of a Docker engine); ``error`` is why it did not
    answer, and then the other fields are empty.
    """

    daemon: Daemon
    version: str = ""
    platforms: tuple[str, ...] = ()
    builds: int | None = None
    error: str = ""


def inspect(daemons: Sequence[Daemon], options: DialOptions) -> tuple[DaemonReport, ...]:
    """Return a report on each daemon, in order. A daemon that fails never hides the others.

    ``options.timeout`` is the deadline in seconds for connecting and for each question.
    """
    if not daemons:
        return ()
    with ThreadPoolExecutor(min(len(daemons), _AT_ONCE), "inspect") as pool:
        return tuple(pool.map(lambda daemon: _report(daemon, options), daemons))


def _report(daemon: Daemon, options: DialOptions) -> DaemonReport:
    if not daemon.ready or daemon.terminating:
        return DaemonReport(daemon=daemon, error=daemon.state)
    try:
        with open_channel(daemon.address, options, peer=daemon.peer) as channel:
            control = Control(channel)
            workers = control.list_workers(timeout=options.timeout)
            return DaemonReport(
                daemon=daemon,
                version=_version(control, options.timeout),
                platforms=tuple(
                    dict.fromkeys(
                        "/".join(filter(None, (platform.OS, platform.Architecture, platform.Variant)))
                        for worker in workers.record
                        for platform in worker.platforms
                    )
                ),
                builds=_builds(control, options.timeout),
            )
    except RouterError as exc:
        return DaemonReport(daemon=daemon, error=str(exc))


def _version(control: Control, timeout: float) -> str:
    try:
        return control.info(timeout=timeout).buildkitVersion.version
    except RpcError as exc:
        if exc.code != Status.UNIMPLEMENTED:
            raise
        return ""


def _builds(control: Control, timeout: float) -> int | None:
    try:
        return control.active_builds(timeout=timeout)
    except RpcError as exc:
        if exc.code != Status.UNIMPLEMENTED:
            raise
        return None
