"""All checks, in the order in which things are needed for a build."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from router.config import RouterConfig
from router.errors import RouterError
from router.fleet import Fleet
from router.fleet.choosing import choose_daemons
from router.model.address import KubePodAddress
from router.model.daemon import Daemon
from router.model.frozen import replace
from router.model.routing import Via
from router.operations.doctor import daemons as each_daemon
from router.operations.doctor import whole_fleet
from router.operations.doctor.access import check_access
from router.operations.doctor.docker import check_docker_config
from router.operations.doctor.facts import ask_facts, round_trip
from router.operations.doctor.finding import Finding
from router.operations.each import Answer, ask_each
from router.transport.options import DialOptions

__all__ = ["examine"]

_WAYS: tuple[Via, ...] = ("pod-ip", "exec", "port-forward")


def examine(
    config: RouterConfig, options: DialOptions, find: Callable[[], Fleet], *, only: Sequence[str] = ()
) -> tuple[Finding, ...]:
    """Return what all checks found; ``find`` returns the fleet. The daemons named in ``only`` are asked, and
    compared with each other; without any all of them are.

    ``options.timeout`` is the deadline in seconds for connecting to each daemon, and for its answers; all are
    asked at once. What can't be known because of a fault is left out, and the fault is there.
    """
    findings = [*check_docker_config(options.environment), *check_access(config, options)]
    try:
        fleet = find()
        listed = sorted(fleet.daemons(), key=lambda daemon: daemon.name)
        asked = choose_daemons(listed, only, fleet) if only else listed
    except RouterError as exc:
        found = Finding(
            check="fleet",
            level="problem",
            tried="listed the daemons",
            result=str(exc),
            advice=exc.hint or "",
        )
        return (*findings, found)
    findings.append(whole_fleet.check_listing(listed, fleet.describe()))
    asked = [daemon for daemon in asked if daemon.ready and not daemon.terminating]
    return (*findings, *_of_daemons(listed, asked, config, options))


def _of_daemons(
    listed: Sequence[Daemon], asked: Sequence[Daemon], config: RouterConfig, options: DialOptions
) -> Iterator[Finding]:
    with ThreadPoolExecutor(1 + len(_WAYS), "doctor") as pool:
        answering = pool.submit(ask_each, asked, options, ask_facts)
        trying = {way: pool.submit(_try, asked, way, options) for way in _WAYS}
        answers = answering.result()
        ways = {way: each.result() for way, each in trying.items()}
    known = {answer.daemon.name: answer.value for answer in answers if answer.value is not None}
    for answer in answers:
        of_daemon = each_daemon.ways_by_daemon(ways, answer.daemon.name)
        yield each_daemon.check_reach(answer, of_daemon, options.timeout)
    yield from whole_fleet.check_identities(listed, known)
    yield from whole_fleet.check_versions(known)
    yield from whole_fleet.check_platforms(known)
    yield from whole_fleet.check_balance(listed, config.placement)
    for answer in answers:
        if answer.value is not None:
            yield each_daemon.check_clock(answer.daemon, answer.value)
            yield each_daemon.check_disk(answer.daemon, answer.value)
            yield from each_daemon.check_gc(answer.daemon, answer.value)
    yield from whole_fleet.check_cache_mounts(known)


def _try(daemons: Sequence[Daemon], way: Via, options: DialOptions) -> tuple[Answer[float], ...]:
    """Try one way to the pods that can be reached in several."""
    pods = [daemon for daemon in daemons if _may_go(daemon, way, options)]
    return ask_each(pods, replace(options, via=way), round_trip)


def _may_go(daemon: Daemon, way: Via, options: DialOptions) -> bool:
    address = daemon.address
    if not isinstance(address, KubePodAddress) or (address.via or options.via) != "auto":
        return False
    return way != "pod-ip" or address.ip is not None
