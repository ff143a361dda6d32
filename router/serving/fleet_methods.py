"""The methods of BuildKit's API that are answered for the whole fleet, by their paths.

A call for one build (Solve, Session, LLBBridge, the Status of a build in progress here) goes to that build's
daemon. These methods are about the daemons' caches and histories: all are asked, each with a deadline, and
their answers become one. A daemon that does not answer is left out; the client gets an error if none answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from router.rpc.events import Headers
from router.serving.fleet_calls import FleetMethod
from router.serving.fleet_content import FleetContent
from router.serving.fleet_history import FleetHistory
from router.serving.fleet_info import FleetInfo
from router.serving.fleet_records import FleetRecords
from router.serving.fleet_store import FleetStore
from router.serving.peers import Peers
from router.serving.whereabouts import Whereabouts

__all__ = ["fleet_methods", "opening_headers"]

_CONTROL = "/moby.buildkit.v1.Control/"
_CONTENT = "/containerd.services.content.v1.Content/"
_TIMED = frozenset({_CONTROL + "ListenBuildHistory", _CONTROL + "Status"})


def fleet_methods(peers: Peers, whereabouts: Whereabouts) -> Mapping[str, FleetMethod]:
    """Return the methods by their paths.

    ``Status`` is for builds that have ended, or that other clients run: it looks once and doesn't wait for
    one to begin. Others may add to ``whereabouts`` as well.
    """
    history = FleetHistory(peers, whereabouts)
    records = FleetRecords(peers, history)
    info, store, content = FleetInfo(peers), FleetStore(peers), FleetContent(peers, whereabouts)
    return {
        _CONTROL + "ListWorkers": info.list_workers,
        _CONTROL + "Info": info.info,
        _CONTROL + "DiskUsage": store.disk_usage,
        _CONTROL + "Prune": store.prune,
        _CONTROL + "ListenBuildHistory": history.listen,
        _CONTROL + "UpdateBuildHistory": records.update,
        _CONTROL + "Status": records.status,
        _CONTENT + "Info": content.info,
        _CONTENT + "Read": content.read,
    }


def opening_headers(path: str) -> Headers:
    """Return the headers that buildkitd sends before its answer to a method.

    Streams of builds have the time there: clients use it to compute how long a build has been running.
    """
    if path not in _TIMED:
        return ()
    return ((b"buildkit-current-timestamp", datetime.now(UTC).isoformat().encode()),)
