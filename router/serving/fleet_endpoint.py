"""An endpoint over a router's fleet: builds go to one daemon, questions to all."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from router.build import BuildRouter
from router.model.daemon import Daemon
from router.model.events import Event
from router.model.frozen import frozen, replace
from router.notices import ignore, tell
from router.serving.client import Services
from router.serving.endpoint import Endpoint, Entrance
from router.serving.fleet_methods import fleet_methods
from router.serving.peers import Peers
from router.serving.watching.board import Board
from router.serving.watching.health import Health
from router.serving.watching.http_server import HttpServer
from router.serving.watching.lookout import Lookout
from router.serving.watching.status_page import StatusPage
from router.serving.whereabouts import Whereabouts

__all__ = ["EndpointTerms", "fleet_endpoint"]


@frozen
class EndpointTerms:
    """How an endpoint serves.

    ``key`` is the balancing key of all builds, empty to apply the rules. ``shared``: all clients may see each
    other's builds. ``status`` is a bound socket from ``open_status`` for the status page, ``health`` one from
    ``open_health`` for health checks only; both are closed with the endpoint.
    """

    key: str = ""
    shared: bool = False
    status: socket.socket | None = None
    health: socket.socket | None = None


@contextmanager
def fleet_endpoint(
    entrances: Sequence[Entrance],
    router: BuildRouter,
    terms: EndpointTerms,
    *,
    on_event: Callable[[Event], None] = ignore,
) -> Iterator[Endpoint]:
    """Serve a fleet until the context is left, which ends its calls and closes the entrances.

    ``on_event`` hears, from any thread, where builds go and why, and which daemons did not answer. No client
    is accepted before ``Endpoint.start``.
    """
    whereabouts, board = Whereabouts(), Board()

    def placed(ref: str, daemon: Daemon) -> None:
        whereabouts.note(ref, daemon)
        board.placed(ref, daemon.name)

    dial = replace(router.dial_options, tell=lambda text: tell(on_event, "verbose", text))
    with router, Peers(router.fleet.daemons, dial) as peers:
        services = Services(
            router=router,
            methods=fleet_methods(peers, whereabouts),
            key=terms.key,
            shared=terms.shared,
            placed=placed,
            on_event=on_event,
            board=board,
        )
        with Endpoint(entrances, services) as endpoint, ExitStack() as opened:
            if terms.status is not None:
                lookout = opened.enter_context(Lookout(peers, board))
                page = StatusPage(board, lookout, router.placement, lambda: endpoint.draining)
                opened.enter_context(HttpServer(terms.status, page.answer)).start()
            if terms.health is not None:
                check = Health(lambda: endpoint.draining)
                opened.enter_context(HttpServer(terms.health, check.answer)).start()
            yield endpoint
