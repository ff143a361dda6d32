"""Seeing pods change while somebody waits for them: what may pass is told and survived.

The pods are listed once and then watched. An API server that restarts is tried again, one that has forgotten
what the watch would go on from is asked for the list again, and a user who may not watch lists now and then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from router.cancellation import Cancellation
from router.errors import FleetError
from router.fleet.contract import Sighting
from router.fleet.resting import Rests
from router.kubernetes.api import KubeApi
from router.kubernetes.listing import Asked, Found, find_pods
from router.kubernetes.pod_list import Expired
from router.kubernetes.watch import follow
from router.model.daemon import Daemon
from router.net.deadline import Deadline

__all__ = ["PodFollower"]

# A watch that ends sooner is no watch: something in between cuts it off.
_BRIEF = 1.0
# What an API server answers, to users whom it knows, until it has read its own tables.
_STARTING = frozenset(["forbidden", "unauthorized"])


class PodFollower:
    """Follows the pods of one selector. ``timeout`` is seconds for one listing."""

    def __init__(self, api: KubeApi, asked: Asked, *, timeout: float) -> None:
        self._api = api
        self._asked = asked
        self._timeout = timeout
        self._may_watch = True
        self._listed = False

    def sightings(
        self,
        read: Callable[[Found], Sequence[Daemon]],
        deadline: Deadline,
        cancellation: Cancellation,
    ) -> Iterator[Sighting]:
        """Yield the daemons at once and at each change, and each trouble that may pass, until the deadline.

        Raises FleetError for what won't pass, UsageError, ToolError, CancelledError.
        """
        found: Found | None = None
        rests = Rests(deadline, cancellation)
        while not deadline.passed:
            cancellation.check()
            try:
                if found is None:
                    found = find_pods(self._api, self._asked, Deadline(self._timeout))
                    self._listed = True
                    yield Sighting(daemons=tuple(read(found)))
                if self._may_watch:
                    brief = Deadline(_BRIEF)
                    for _ in follow(self._api, self._asked, found.pods, deadline, cancellation):
                        yield Sighting(daemons=tuple(read(found)))
                    if brief.passed:
                        rests.begin_again()
                        continue
                else:
                    found = None
            except Expired:
                found = None
            except FleetError as exc:
                yield self._survived(exc)
            if not rests.rest():
                return

    def _survived(self, exc: FleetError) -> Sighting:
        """Return what is to be said of a failure, if it may pass or another way is left; else raise it."""
        if exc.reason == "watch-forbidden":
            self._may_watch = False
        elif not exc.temporary and not (self._listed and exc.reason in _STARTING):
            raise exc
        return Sighting(trouble=exc)
