"""Checks on the daemons of a fleet beside each other. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from router.errors import FleetError
from router.model.daemon import Daemon
from router.model.routing import Placement
from router.operations.doctor.facts import Facts
from router.operations.doctor.finding import Finding
from router.operations.doctor.gc import size_text
from router.operations.usage import cache_mounts
from router.placement.order import order

__all__ = [
    "check_balance",
    "check_cache_mounts",
    "check_identities",
    "check_listing",
    "check_platforms",
    "check_versions",
]

_KEYS = 1000
# The ring has 1.2 on the average of fleets of ten, buildx's 2.6.
_UNEVEN = 1.5
_MOST_MOUNTS = 20


def check_listing(daemons: Sequence[Daemon], where: str) -> Finding:
    """Say how many of the daemons can take builds."""
    tried = f"listed {where}"
    if not daemons:
        return Finding(
            check="fleet",
            level="problem",
            tried=tried,
            result="there is none",
            advice="check the selector, the namespace and the context: warmroute config show",
        )
    unfit = [
        f"{daemon.name} is {'terminating' if daemon.terminating else daemon.state}"
        for daemon in daemons
        if daemon.terminating or not daemon.ready
    ]
    unfit += [f"{daemon.name} is cordoned" for daemon in daemons if daemon.cordon is not None]
    unfit += [f"{daemon.name}: {daemon.unplaced}" for daemon in daemons if daemon.unplaced]
    count = _counted(len(daemons), "daemon")
    if not unfit:
        return Finding(check="fleet", level="ok", tried=tried, result=count)
    some_fit = any(
        daemon.ready and not daemon.terminating and daemon.cordon is None and not daemon.unplaced
        for daemon in daemons
    )
    return Finding(
        check="fleet",
        level="note" if some_fit else "problem",
        tried=tried,
        result=f"{count}, of which {'; '.join(unfit)}",
        advice="warmroute ls shows the state of each",
    )


def check_identities(daemons: Sequence[Daemon], facts: Mapping[str, Facts]) -> Iterator[Finding]:
    """Look for two daemons that placement can't tell apart, and for one daemon under two names."""
    tried = "compared identities, and the ids of the workers"
    found = []
    try:
        order("key", daemons)
    except FleetError as exc:
        found.append((str(exc), exc.hint or ""))
    workers: dict[str, list[str]] = {}
    for name, each in facts.items():
        for worker in each.workers:
            workers.setdefault(worker.id, []).append(name)
    found += [
        (
            f"{' and '.join(names)} have the same worker: they are one daemon, or share its state",
            "name each daemon once, and give each a directory of its own",
        )
        for names in dict.fromkeys(tuple(names) for names in workers.values() if len(names) > 1)
    ]
    for result, advice in found:
        yield Finding(check="identities", level="problem", tried=tried, result=result, advice=advice)
    if not found and daemons:
        yield Finding(check="identities", level="ok", tried=tried, result="each daemon has its own")


def check_versions(facts: Mapping[str, Facts]) -> Iterator[Finding]:
    """Compare the daemons' versions; the BuildKit of a Docker engine doesn't tell its own."""
    versions = {name: each.version for name, each in facts.items() if each.version}
    if not versions:
        return
    tried = "compared the versions"
    if len(set(versions.values())) == 1:
        result = f"{next(iter(versions.values()))} on {_counted(len(versions), 'daemon')}"
        yield Finding(check="versions", level="ok", tried=tried, result=result)
        return
    yield Finding(
        check="versions",
        level="note",
        tried=tried,
        result=_groups(versions),
        advice="update them to one version: a build that fails over may meet another frontend",
    )


def check_platforms(facts: Mapping[str, Facts]) -> Iterator[Finding]:
    """Compare what the daemons build for."""
    platforms = {name: _platforms(each) for name, each in facts.items()}
    if not platforms:
        return
    tried = "compared the platforms of the workers"
    everywhere = frozenset.intersection(*platforms.values())
    some = {
        platform: [name for name, theirs in platforms.items() if platform in theirs]
        for platform in sorted(frozenset.union(*platforms.values()) - everywhere)
    }
    if not some:
        result = f"{_counted(len(everywhere), 'platform')} on all"
        yield Finding(check="platforms", level="ok", tried=tried, result=result)
        return
    told = "; ".join(f"{platform} on {', '.join(names)}" for platform, names in some.items())
    yield Finding(
        check="platforms",
        level="note",
        tried=tried,
        result=f"not on all: {told}",
        advice="builds for these go to fewer daemons: install the same emulators everywhere, or make a fleet"
        " for each architecture",
    )


def check_balance(daemons: Sequence[Daemon], placement: Placement) -> Iterator[Finding]:
    """Place sample keys, and see how uneven the daemons' shares are."""
    placed = [daemon for daemon in daemons if not daemon.unplaced]
    if len(placed) < 2:
        return
    try:
        homes = Counter(order(f"key-{number}", placed, placement)[0].daemon.name for number in range(_KEYS))
    except FleetError:
        return  # of identities, which has a check of its own
    (name, most), *_ = homes.most_common(1)
    ratio = most * len(placed) / _KEYS
    tried = f"placed {_KEYS} keys ({placement})"
    result = f"the most are at home on {name}: {ratio:.2f} x the mean"
    if ratio <= _UNEVEN:
        yield Finding(check="balance", level="ok", tried=tried, result=result)
        return
    advice = (
        "choose --placement ring or rendezvous: warmroute simulate shows what moves"
        if placement == "buildx"
        else "choose --placement rendezvous, or other names: warmroute simulate shows what moves"
    )
    yield Finding(check="balance", level="note", tried=tried, result=result, advice=advice)


def check_cache_mounts(facts: Mapping[str, Facts]) -> Iterator[Finding]:
    """Look for cache mounts that several daemons have: each holds a part, or the same once more."""
    known = {name: each.records for name, each in facts.items() if each.records is not None}
    if not known:
        return
    holders: dict[str, list[tuple[str, int]]] = {}
    for name, records in known.items():
        for mount in cache_mounts(records):
            holders.setdefault(mount.id, []).append((name, mount.size))
    several = {mount: where for mount, where in holders.items() if len(where) > 1}
    tried = "compared the cache mounts by their ids"
    if not several:
        result = (
            f"{_counted(len(holders), 'cache mount')}, each on one daemon" if holders else "there are none"
        )
        yield Finding(check="cache mounts", level="ok", tried=tried, result=result)
        return
    for name in sorted(several)[:_MOST_MOUNTS]:
        where = ", ".join(f"{daemon} ({size_text(size)})" for daemon, size in several[name])
        yield Finding(
            check="cache mounts",
            level="note",
            subject=name,
            tried=tried,
            result=f"on {len(several[name])} daemons: {where}",
            advice="images that share it come home to one daemon if they share a --key; else give each image"
            " an id of its own",
        )
    if len(several) > _MOST_MOUNTS:
        result = f"and {len(several) - _MOST_MOUNTS} more on several daemons"
        yield Finding(check="cache mounts", level="note", tried=tried, result=result, advice="warmroute du")


def _platforms(facts: Facts) -> frozenset[str]:
    return frozenset(
        "/".join(filter(None, (system, architecture, variant)))
        for worker in facts.workers
        for architecture, system, variant in worker.platforms
    )


def _groups(values: Mapping[str, str]) -> str:
    groups: dict[str, list[str]] = {}
    for name, value in values.items():
        groups.setdefault(value, []).append(name)
    return "; ".join(f"{value} on {', '.join(names)}" for value, names in sorted(groups.items()))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
