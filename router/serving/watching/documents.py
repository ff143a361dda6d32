"""The page's data, as values that become JSON. ``docs/how-to/serve.md`` has their shapes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.model.daemon import NOT_ASKED
from router.operations.measures import percentile
from router.serving.watching.lookout import Sight, Sights
from router.serving.watching.ownership import Ownership
from router.serving.watching.watched import Counts, Picture, WatchedBuild, warm_builds

__all__ = ["builds_document", "daemons_document", "ring_document"]

_Json = Mapping[str, object]
# The limit for listed builds in flight; their number is given too.
_MOST_SHOWN = 200


def builds_document(picture: Picture) -> _Json:
    """Return the builds in flight, the latest finished ones, and their summary."""
    warm = warm_builds(picture.ended)
    return {
        "in_flight": [_build(each) for each in picture.in_flight[:_MOST_SHOWN]],
        "ended": [_ended(each, warm) for each in picture.ended],
        "summary": _summary(picture, warm),
        "totals": _totals(picture.counts),
    }


def daemons_document(sights: Sights, picture: Picture) -> _Json:
    """Return the daemons, each with its number of the endpoint's own builds."""
    ours: dict[str, int] = {}
    for build in picture.in_flight:
        if build.state == "building":
            ours[build.daemon] = ours.get(build.daemon, 0) + 1
    return {
        "daemons": [_daemon(each, ours.get(each.daemon.name, 0)) for each in sights.daemons],
        "error": sights.error,
    }


def ring_document(owned: Ownership) -> _Json:
    """Return which daemon owns which keys."""
    return {
        "placement": owned.placement,
        "stretches": [
            {"begin": round(begin, 6), "end": round(end, 6), "daemon": name}
            for begin, end, name in owned.stretches
        ],
        "shares": [{"daemon": name, "share": round(share, 4)} for name, share in owned.shares],
        "keys": [{"key": each.key, "home": each.home, "at": round(each.at, 6)} for each in owned.keys],
    }


def _build(build: WatchedBuild) -> dict[str, object]:
    return {
        "number": build.number,
        "ref": build.ref,
        "key": build.key,
        "rule": build.rule,
        "client": build.who,
        "state": build.state,
        "begun": round(build.begun, 3),
        "waited": round(build.waited or 0.0, 3),
        "attempt": build.attempt,
        "daemon": build.daemon,
        "place": build.place.number if build.place else None,
        "home": build.place.home if build.place else "",
        "away_because": build.place.reason if build.place else "",
        "note": build.note,
        "steps_done": build.done,
        "steps": build.total,
        "step": build.step,
    }


def _ended(build: WatchedBuild, warm: frozenset[int]) -> _Json:
    is_warm = None if build.cached is None else build.number in warm
    return {
        **{name: value for name, value in _build(build).items() if name not in {"step", "steps_done"}},
        "seconds": round(build.seconds or 0.0, 3),
        "error": build.error,
        "steps_cached": build.cached,
        "warm": is_warm,
        "cold_because": _why_cold(build) if is_warm is False else "",
        "first_step_run": build.missed if is_warm is False else "",
    }


def _why_cold(build: WatchedBuild) -> str:
    if build.place is not None and build.place.number > 1:
        return f"not at home ({build.place.home}: {build.place.reason})"
    if build.first:
        return f"the first build of this key on {build.daemon} that this endpoint has seen"
    return ""


def _summary(picture: Picture, warm: frozenset[int]) -> _Json:
    done = [each for each in picture.ended if each.state == "completed"]
    known = [each for each in done if each.cached is not None]
    return {
        "builds": len(picture.ended),
        "warm_share": round(len(warm) / len(known), 4) if known else None,
        "all": _quantiles(done),
        "warm": _quantiles([each for each in known if each.number in warm]),
        "cold": _quantiles([each for each in known if each.number not in warm]),
    }


def _quantiles(builds: Sequence[WatchedBuild]) -> _Json:
    seconds = [each.seconds or 0.0 for each in builds]
    p50, p95 = (percentile(seconds, percent) for percent in (50, 95))
    return {
        "builds": len(seconds),
        "p50": None if p50 is None else round(p50, 3),
        "p95": None if p95 is None else round(p95, 3),
    }


def _totals(counts: Counts) -> _Json:
    return {
        "results": dict(counts.results),
        "building": counts.building,
        "waiting": counts.waiting,
        "spills": counts.spills,
        "failovers": counts.failovers,
        "home_unfit": counts.unfit,
        "steps_cached": counts.cached,
        "steps": counts.steps,
    }


def _daemon(sight: Sight, ours: int) -> _Json:
    daemon = sight.daemon
    answers = sight.builds is not None and not sight.error
    state = "ready" if answers and daemon.state == NOT_ASKED else daemon.state
    return {
        "name": daemon.name,
        "address": str(daemon.address),
        "state": "unreachable" if sight.error else state,
        "detail": sight.error or daemon.detail,
        "answers": answers,
        "cordoned": daemon.cordon,
        "builds": sight.builds,
        "builds_from_here": ours,
        "max_builds": daemon.max_builds,
        "disk": sight.disk,
        "disk_reclaimable": sight.reclaimable,
    }
