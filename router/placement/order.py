"""The order of a fleet for a key, and who in it can take the build.

The whole fleet is ranked before anyone is left out. A daemon that restarts therefore keeps its place:
its keys wait elsewhere and come home, and no other key moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import assert_never

from router.errors import FleetError, NoDaemonError
from router.flags.platform import normalize
from router.model.daemon import Candidate, Daemon, Exclusion
from router.model.routing import Placement
from router.notation.quoting import quoted
from router.placement.key import printable

__all__ = ["order", "ranking", "require_fit"]


def order(
    key: str, daemons: Iterable[Daemon], placement: Placement = "ring", platforms: Collection[str] = ()
) -> tuple[Candidate, ...]:
    """Rank all ``daemons`` for ``key``, home first, each with the reasons why it is unfit, if it is.

    What is hashed is a daemon's identity; those that have none come last, by name. ``platforms`` are what
    the build needs; a daemon that doesn't tell its platforms is taken to have them. The order of ``daemons``
    doesn't matter. Raises ``FleetError`` where two of them share an identity.
    """
    placed, unplaced = _by_identity(daemons)
    # Where there is one it is home, and nothing has to be loaded.
    names = ranking(placement)(printable(key), placed) if len(placed) > 1 else placed
    ranked = [*(placed[name] for name in names), *sorted(unplaced, key=lambda daemon: daemon.name)]
    needed = frozenset(map(normalize, platforms))
    at_home = bool(needed) and any(needed <= _normalized(daemon.native) for daemon in ranked)
    return tuple(
        Candidate(daemon=daemon, exclusions=tuple(_exclusions(daemon, needed, at_home))) for daemon in ranked
    )


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


def _by_identity(daemons: Iterable[Daemon]) -> tuple[dict[str, Daemon], list[Daemon]]:
    placed: dict[str, Daemon] = {}
    unplaced: list[Daemon] = []
    for daemon in daemons:
        if daemon.unplaced:
            unplaced.append(daemon)
        elif (twin := placed.setdefault(daemon.hashed, daemon)) is not daemon:
            raise _twins(twin, daemon)
    return placed, unplaced


def _twins(one: Daemon, other: Daemon) -> FleetError:
    if one.name == other.name:
        return FleetError(
            f"two daemons are named {one.name}: {one.address} and {other.address}",
            hint="give each daemon a name of its own, as in --addr NAME=URL",
            reason="duplicate-daemon",
        )
    first, second = sorted((one.name, other.name))
    return FleetError(
        f"{first} and {second} have the same identity {quoted(one.hashed)}, so a key can't tell them apart",
        hint="choose an --identity that differs between them, or keep only one of them in the fleet",
        reason="duplicate-daemon",
    )


def ranking(placement: Placement) -> Callable[[str, Iterable[str]], tuple[str, ...]]:
    """Return what ranks names for a key."""
    # A build has one of them, and each brings its hashes.
    match placement:
        case "ring":
            from router.placement.ring import rank
        case "rendezvous":
            from router.placement.rendezvous import rank
        case "buildx":
            from router.placement.buildx import rank
        case _:
            assert_never(placement)
    return rank


def _exclusions(daemon: Daemon, needed: frozenset[str], at_home: bool) -> Iterator[Exclusion]:
    """Yield why a daemon can't take the build; ``at_home`` says that it is native to another daemon."""
    if daemon.unplaced:
        yield Exclusion(kind="identity", text=daemon.unplaced)
    if not daemon.present:
        yield Exclusion(kind="missing", text=_state(daemon, "missing"))
    elif daemon.terminating:
        yield Exclusion(kind="terminating", text="terminating")
    elif not daemon.ready:
        yield Exclusion(kind="not-ready", text=_state(daemon, "not ready"))
    if daemon.cordon is not None:
        yield Exclusion(kind="cordoned", text=f"cordoned ({daemon.cordon})" if daemon.cordon else "cordoned")
    if daemon.platforms:
        missing = sorted(needed - _normalized(daemon.platforms))
        if missing:
            has = ", ".join(daemon.platforms)
            yield Exclusion(kind="platform", text=f"no platform {', '.join(missing)} (has {has})")
    elif at_home and daemon.native and not needed <= _normalized(daemon.native):
        # It might emulate them; a daemon that needn't is in the fleet.
        runs_on = ", ".join(daemon.native)
        yield Exclusion(kind="platform", text=f"runs on {runs_on}; others run on {', '.join(sorted(needed))}")


def _state(daemon: Daemon, otherwise: str) -> str:
    return otherwise if daemon.state in {"", "ready"} else daemon.state


def _normalized(platforms: Iterable[str]) -> frozenset[str]:
    return frozenset(map(normalize, platforms))
