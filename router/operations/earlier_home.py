"""The daemon that was a key's home before its fleet grew or shrank: asked after a build that home had never
built."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from router.cancellation import Cancellation
from router.errors import CancelledError
from router.model.daemon import Daemon
from router.model.frozen import frozen, replace
from router.model.miss import Miss
from router.model.routing import Placement
from router.operations.each import Answer, ask_one, at_once
from router.operations.records import RecordQuery, read_records
from router.placement.order import order
from router.solve.control import Control
from router.solve.record import record_event
from router.solve.ref import builds_of, ref_prefix
from router.transport.options import DialOptions

__all__ = ["Ranked", "with_earlier_home"]

# Seconds for connecting, and as many for the answer: the build is over, and its client waits.
_TIMEOUT = 0.5
# Daemons behind home that are asked. Each that was added moves a key by one place at most.
_MOST = 8
# Builds of home that are looked at, for the size that the fleet had: what a daemon remembers for sure.
_REMEMBERED = 50
# No fleet is that large; a daemon may say anything.
_LARGEST = 1000


@frozen
class Ranked:
    """A fleet in its order for a key, home first."""

    key: str
    placement: Placement
    daemons: tuple[Daemon, ...]


def with_earlier_home(miss: Miss, ranked: Ranked, options: DialOptions, cancellation: Cancellation) -> Miss:
    """Return the miss of a key's first build at its home with the daemon that was home before, as far as the
    daemons' histories tell.

    The fleet grew, if one behind home has built the key as its home: those before it in the order were added
    since. What it built as a second choice is marked so, and doesn't count. It shrank, if home has built
    anything when the fleet was larger, and one of its members that aren't there any more was home then:
    their names are known where they are numbered, as a StatefulSet's are.
    """
    home, *others = ranked.daemons
    options = replace(options, timeout=min(options.timeout, _TIMEOUT))
    prefix = ref_prefix(ranked.key)

    def ask(daemon: Daemon) -> Answer[int]:
        question = _largest_fleet if daemon is home else partial(_was_home, prefix=prefix)
        return ask_one(daemon, options, question, cancellation)

    asked = others[:_MOST] + ([home] if _stem(ranked.daemons) else [])
    try:
        told = {answer.daemon.name: answer.value or 0 for answer in at_once(asked, ask)}
    except CancelledError:  # the build has succeeded, whatever happens now
        return miss
    size = told.pop(home.name, 0)
    if grown := next((name for name, was_home in told.items() if was_home), ""):
        return replace(miss, moved_from=grown, fleet="grew")
    if lost := _lost_home(ranked, size):
        return replace(miss, moved_from=lost, fleet="shrank")
    return miss


def _lost_home(ranked: Ranked, size: int) -> str:
    """Return the home in a fleet of this size, if that is a daemon which isn't there any more."""
    stem = _stem(ranked.daemons)
    if not stem or not len(ranked.daemons) < size <= _LARGEST:
        return ""
    known = {daemon.name for daemon in ranked.daemons}
    members = [replace(ranked.daemons[0], name=f"{stem}-{number}", identity="") for number in range(size)]
    first = order(ranked.key, members, ranked.placement)[0].daemon.name
    return first if first not in known else ""


def _stem(daemons: Sequence[Daemon]) -> str:
    """Return what numbered daemons are called, from 0 and without a gap; empty for others."""
    stem = re.sub(r"-\d+$", "", daemons[0].name)
    numbered = {f"{stem}-{number}" for number in range(len(daemons))}
    return (
        stem if {daemon.name for daemon in daemons} == {each.hashed for each in daemons} == numbered else ""
    )


def _was_home(control: Control, timeout: float, *, prefix: str) -> int:
    """Return 1 if the daemon has built the key successfully as its home, as far as it knows."""
    was_home = 0

    def see(message: memoryview) -> None:
        nonlocal was_home
        record = record_event(message)
        if record is not None and record.status == "completed" and record.ref.startswith(prefix):
            was_home |= record.mark is not None and record.mark.place == 1

    control.wait(control.records(builds_of(prefix, latest=False), see), timeout=timeout)
    return was_home


def _largest_fleet(control: Control, timeout: float) -> int:
    """Return how many daemons the fleet had at most, by the latest builds that the daemon knows."""
    records = read_records(control, timeout, query=RecordQuery(limit=_REMEMBERED))
    return max((record.mark.fleet for record in records if record.mark is not None), default=0)
