"""Ask a daemon for its facts, all on one connection and within one deadline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from router.errors import RouterError, RpcError
from router.model.frozen import frozen
from router.model.record import BuildRecord
from router.operations.debug_daemon import Worker, workers_of
from router.operations.records import RecordQuery, read_records
from router.operations.usage import CacheRecord, records_of
from router.rpc.grpc import Status
from router.solve.control import Control

__all__ = ["Facts", "ask_facts", "lag_of", "round_trip"]

_LEAST = 0.1
# Builds among which one of this machine's is looked for.
_LATEST = 50
_Value = TypeVar("_Value")


@frozen
class Facts:
    """``round_trip`` is seconds; ``version`` is empty where the daemon doesn't tell it; ``records`` is None
    where it didn't list them in time, or refused; ``now`` is our clock then, in nanoseconds since 1970.
    ``lag`` is by how many nanoseconds at least the daemon's clock was behind ours when it began the latest
    build that this machine sent it, below 0 where it was not; None where it remembers no such build."""

    round_trip: float
    version: str
    workers: tuple[Worker, ...]
    records: tuple[CacheRecord, ...] | None
    now: int
    lag: int | None = None


def ask_facts(control: Control, timeout: float) -> Facts:
    """Ask one daemon, which may take ``timeout`` seconds in all. Raises ``RouterError``."""
    end = time.monotonic() + timeout

    def left() -> float:
        return max(end - time.monotonic(), _LEAST)

    version, lasted = _version(control, left())
    workers = workers_of(control, left())
    try:
        records: tuple[CacheRecord, ...] | None = records_of(control, left())
    except RouterError:
        records = None
    try:
        lag = lag_of(read_records(control, left(), query=RecordQuery(limit=_LATEST)), os.uname().nodename)
    except RouterError:
        lag = None
    now = time.time_ns()
    return Facts(round_trip=lasted, version=version, workers=workers, records=records, now=now, lag=lag)


def lag_of(builds: Iterable[BuildRecord], host: str) -> int | None:
    """Return ``Facts.lag`` by the builds that a daemon remembers; ``host`` is this machine's name.

    A daemon dates a build when it begins it, which is after it was sent.
    """
    ours = [
        (each.mark.at, each.created)
        for each in builds
        if each.mark is not None and each.mark.at and each.mark.by.rpartition("@")[2] == host
        if each.created is not None
    ]
    return max(ours)[0] - max(ours)[1] if ours else None


def round_trip(control: Control, timeout: float) -> float:
    """Return the seconds that a question takes which needs no work. Raises ``RouterError``."""
    return _version(control, timeout)[1]


def _version(control: Control, timeout: float) -> tuple[str, float]:
    """Ask twice: the first question also waits for the connection to be set up."""
    version = _unless_unknown(lambda: control.info(timeout=timeout).buildkitVersion.version, "")
    began = time.monotonic()
    _unless_unknown(lambda: control.info(timeout=timeout).buildkitVersion.version, "")
    return version, time.monotonic() - began


def _unless_unknown(ask: Callable[[], _Value], otherwise: _Value) -> _Value:
    try:
        return ask()
    except RpcError as exc:
        if exc.code != Status.UNIMPLEMENTED:
            raise
        return otherwise
