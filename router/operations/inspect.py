"""Ask every daemon of a fleet how it is, in parallel, each with a deadline of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from router.errors import RpcError
from router.model.daemon import Daemon
from router.model.frozen import frozen
from router.operations.each import Answer, ask_each
from router.rpc.grpc import Status
from router.solve.control import Control
from router.transport.options import DialOptions

__all__ = ["DaemonReport", "inspect"]


class _Facts(NamedTuple):
    version: str
    platforms: tuple[str, ...]
    builds: int | None


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
    return tuple(map(_report, ask_each(daemons, options, _facts)))


def _report(answer: Answer[_Facts]) -> DaemonReport:
    daemon, facts = answer.daemon, answer.value
    if facts is not None:
        return DaemonReport(
            daemon=daemon, version=facts.version, platforms=facts.platforms, builds=facts.builds
        )
    asked = daemon.ready and not daemon.terminating
    return DaemonReport(daemon=daemon, error=str(answer.error) if asked else daemon.state)


def _facts(control: Control, timeout: float) -> _Facts:
    workers = control.list_workers(timeout=timeout)
    return _Facts(
        version=_version(control, timeout),
        platforms=tuple(
            dict.fromkeys(
                "/".join(filter(None, (platform.OS, platform.Architecture, platform.Variant)))
                for worker in workers.record
                for platform in worker.platforms
            )
        ),
        builds=_builds(control, timeout),
    )


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
