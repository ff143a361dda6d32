"""An endpoint over the fleet of a router: what builds goes to one daemon, what asks goes to all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from router.build import BuildRouter
from router.model.events import Event
from router.model.frozen import replace
from router.notices import ignore, tell
from router.serving.client import Services
from router.serving.endpoint import Endpoint, Entrance
from router.serving.fleet_methods import fleet_methods
from router.serving.peers import Peers
from router.serving.whereabouts import Whereabouts

__all__ = ["fleet_endpoint"]


@contextmanager
def fleet_endpoint(
    entrances: Sequence[Entrance],
    router: BuildRouter,
    *,
    key: str = "",
    on_event: Callable[[Event], None] = ignore,
) -> Iterator[Endpoint]:
    """Serve a fleet until the context is left, which ends what is under way and closes the entrances.

    ``key`` is the balancing key of all builds, empty for the rules. ``on_event`` hears, from any thread,
    where builds go and why, and who did not answer. Nobody is let in before ``Endpoint.start``.
    """
    whereabouts = Whereabouts()
    dial = replace(router.dial_options, tell=lambda text: tell(on_event, "verbose", text))
    with router, Peers(router.fleet.daemons, dial) as peers:
        services = Services(
            router=router,
            methods=fleet_methods(peers, whereabouts),
            key=key,
            placed=whereabouts.note,
            on_event=on_event,
        )
        with Endpoint(entrances, services) as endpoint:
            yield endpoint
