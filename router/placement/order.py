"""The order of a fleet for a key, and who in it can take the build.

The whole fleet is ranked before anyone is left out. A daemon that restarts therefore keeps its place:
its keys wait elsewhere and come home, and no other key moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import assert_never

from router.errors import FleetError, NoDaemonError
from router.model.daemon import Candidate, Daemon
from router.model.routing import Placement
from router.placement import buildx, rendezvous, ring
from router.placement.key import printable
from router.specs.platform import normalize

__all__ = ["order", "require_fit"]


def order(
    key: str, daemons: Iterable[Daemon], placement: Placement = "ring", platforms: Collection[str] = ()
) -> tuple[Candidate, ...]:
    """Rank all ``daemons`` for ``key``, home first, each with the reason why it is unfit, if it is.

    ``platforms`` are what the build needs; a daemon that doesn't tell its platforms is taken to have them.
    The order of ``daemons`` doesn't matter. Raises ``FleetError`` where two of them share a name.
    """
    by_name = _by_name(daemons)
    names = _ranking(placement)(printable(key), by_name)
    return tuple(Candidate(daemon=by_name[name], reason=_unfit(by_name[name], platforms)) for name in names)


def require_fit(
    candidates: Sequence[Candidate], where: str, hint: str | None = None
) -> tuple[Candidate, ...]:
    """Return the fit ones, in their order; raise ``NoDaemonError`` where there are none.

    ``where`` completes the phrase "no ready ...", as in "buildkitd pod matches app=buildkitd in
    namespace ci".
    """
    fit = tuple(candidate for candidate in candidates if candidate.fit)
    if fit:
        return fit
    if not candidates:
        raise NoDaemonError(f"no {where}", hint=hint)
    reasons = Counter(candidate.reason for candidate in candidates)
    listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    some_ready = any(candidate.daemon.ready and not candidate.daemon.terminating for candidate in candidates)
    lacking = "fit" if some_ready else "ready"
    raise NoDaemonError(f"no {lacking} {where} ({len(candidates)} seen: {listed})", hint=hint)


def _by_name(daemons: Iterable[Daemon]) -> dict[str, Daemon]:
    by_name: dict[str, Daemon] = {}
    for daemon in daemons:
        twin = by_name.setdefault(daemon.name, daemon)
        if twin is not daemon:
            raise FleetError(
                f"two daemons are named {daemon.name}: {twin.address} and {daemon.address}",
                hint="give each daemon a name of its own, as in --addr NAME=URL",
                reason="duplicate-daemon",
            )
    return by_name


def _ranking(placement: Placement) -> Callable[[str, Iterable[str]], tuple[str, ...]]:
    match placement:
        case "ring":
            return ring.rank
        case "rendezvous":
            return rendezvous.rank
        case "buildx":
            return buildx.rank
        case _:
            assert_never(placement)


def _unfit(daemon: Daemon, platforms: Collection[str]) -> str:
    if daemon.terminating:
        return "terminating"
    if not daemon.ready:
        return "not ready"
    if not daemon.platforms:
        return ""
    offered = {normalize(platform) for platform in daemon.platforms}
    missing = [platform for platform in platforms if normalize(platform) not in offered]
    if not missing:
        return ""
    return f"no platform {', '.join(missing)} (has {', '.join(daemon.platforms)})"
