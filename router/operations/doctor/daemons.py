"""Checks on each daemon by itself: the way to it, its disk, its garbage collection, its clock. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from router.model.address import DockerAddress
from router.model.daemon import Daemon
from router.model.routing import Via
from router.notation.gc_policy import WorkerName
from router.operations.debug_daemon import Worker
from router.operations.doctor.facts import Facts
from router.operations.doctor.finding import Finding
from router.operations.doctor.gc import cache_limit, gc_faults, gc_policy_lines, size_text
from router.operations.each import Answer
from router.operations.usage import CacheRecord

__all__ = ["check_clock", "check_disk", "check_gc", "check_reach", "ways_by_daemon"]

_SECOND = 1_000_000_000
_EXECUTOR = "org.mobyproject.buildkit.worker.executor"
_NEARLY_FULL = 0.9
_BY_NTP = "set the clocks of its node and of this machine by NTP: timedatectl set-ntp true"
_ENGINES = """in the engine's daemon.json:
"builder": {"gc": {"enabled": true, "policy": [{"keepStorage": "50GB", "all": true}]}}"""


def check_reach(answer: Answer[Facts], ways: Mapping[Via, Answer[float]], timeout: float) -> Finding:
    """Say whether a build would reach a daemon; ``ways`` are those to a pod, each tried by itself."""
    daemon = answer.daemon
    tried = f"asked {daemon.address} for its version and workers, within {timeout:g} s"
    told = "; ".join(f"by {way}: {_told(each)}" for way, each in ways.items())
    if answer.value is None:
        state = answer.error
        return Finding(
            check="reach",
            level="problem",
            subject=daemon.name,
            tried=tried,
            result="; ".join(filter(None, [str(state), told])),
            advice=(state.hint if state else "") or "is it running, and is it the right address?",
        )
    result = told or f"answers in {_milliseconds(answer.value.round_trip)}"
    return Finding(check="reach", level="ok", subject=daemon.name, tried=tried, result=result)


def check_gc(daemon: Daemon, facts: Facts) -> Iterator[Finding]:
    """Look for rules under which contexts, cache mounts or layers don't live until the next build."""
    for worker in facts.workers:
        faults = gc_faults(worker.gc_rules, _used(facts))
        tried = f"read the {len(worker.gc_rules)} gc rules of its worker"
        for fault in faults:
            yield Finding(
                check="gc policy",
                level=fault.level,
                subject=daemon.name,
                tried=tried,
                result=fault.text,
                advice=_ENGINES
                if isinstance(daemon.address, DockerAddress)
                else gc_policy_lines(_kind(worker)),
            )
        if not faults:
            yield Finding(
                check="gc policy",
                level="ok",
                subject=daemon.name,
                tried=tried,
                result="contexts, cache mounts and layers outlive a weekend",
            )


def check_disk(daemon: Daemon, facts: Facts) -> Finding:
    """Compare the size of the cache with the limit of its garbage collection."""
    used = _used(facts)
    tried = "added up its cache records that no image shares"
    if used is None:
        return Finding(
            check="disk",
            level="note",
            subject=daemon.name,
            tried=tried,
            result="it did not list its cache in time",
            advice="raise --connect-timeout",
        )
    limit = min((cache_limit(worker.gc_rules) for worker in facts.workers), default=0)
    if not limit:
        result = f"{size_text(used)}, and no gc rule limits it"
        return Finding(check="disk", level="note", subject=daemon.name, tried=tried, result=result)
    result = f"{size_text(used)} of {size_text(limit)}"
    if used < limit * _NEARLY_FULL:
        return Finding(check="disk", level="ok", subject=daemon.name, tried=tried, result=result)
    return Finding(
        check="disk",
        level="note",
        subject=daemon.name,
        tried=tried,
        result=f"{result}: full, so that each build pushes out what another one needs",
        advice="give it a larger volume and raise maxUsedSpace, or add daemons;"
        " warmroute du -v shows what takes the room",
    )


def check_clock(daemon: Daemon, facts: Facts) -> Finding:
    """Look for cache records from the future, and for a build of this machine that was dated before it was
    sent: a daemon doesn't tell its time.

    So a clock that is behind can't be seen without a build of ours, nor one that is ahead by less than the
    time since the last build.
    """
    tried = "compared the times of its cache records, and of our latest build on it, with our clock"
    if facts.lag is not None and facts.lag >= _SECOND:
        return Finding(
            check="clock",
            level="problem",
            subject=daemon.name,
            tried=tried,
            result=f"behind ours by {facts.lag / _SECOND:.0f} s at least: it dated our latest build before"
            " that was sent",
            advice=_BY_NTP,
        )
    newest = max((_newest(record) for record in facts.records or ()), default=None)
    if newest is None:
        result = "unknown: it has no cache records yet, and tells its time by nothing else"
        return Finding(check="clock", level="note", subject=daemon.name, tried=tried, result=result)
    ahead = (newest - facts.now) / _SECOND
    if ahead < 1:
        behind = "whether it is behind can't be seen: it remembers no build of this machine"
        result = f"not ahead of ours; {behind}" if facts.lag is None else "neither ahead of ours nor behind"
        return Finding(check="clock", level="ok", subject=daemon.name, tried=tried, result=result)
    return Finding(
        check="clock",
        level="problem",
        subject=daemon.name,
        tried=tried,
        result=f"ahead of ours by {ahead:.0f} s at least: it has a record from the future",
        advice=_BY_NTP,
    )


def ways_by_daemon(answers: Mapping[Via, Sequence[Answer[float]]], name: str) -> Mapping[Via, Answer[float]]:
    """Return how each way to one daemon went."""
    return {way: each for way, found in answers.items() for each in found if each.daemon.name == name}


def _newest(record: CacheRecord) -> int:
    return max(record.created, record.last_used or 0)


def _used(facts: Facts) -> int | None:
    if facts.records is None:
        return None
    return sum(max(record.size, 0) for record in facts.records if not record.shared)


def _kind(worker: Worker) -> WorkerName:
    return "containerd" if worker.labels.get(_EXECUTOR) == "containerd" else "oci"


def _told(answer: Answer[float]) -> str:
    return str(answer.error) if answer.value is None else _milliseconds(answer.value)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"
