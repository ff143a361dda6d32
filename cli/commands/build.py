"""`warmroute build`."""

from __future__ import annotations

from typing import Annotated

from cli.build_options import ImageOptions, ResultOptions
from cli.given.requests import asked_by_skaffold, skaffold_routing, unread
from cli.given.routing import router_config
from cli.groups import Only
from cli.options import DisplayOptions, RoutingOptions

__all__ = ["command"]

_Display = Annotated[DisplayOptions, Only("--progress", "--quiet", "--verbose")]


def command(image: ImageOptions, result: ResultOptions, routing: RoutingOptions, display: _Display) -> None:
    """Build an image on the daemon that is warm for it."""
    asked = asked_by_skaffold()
    config, build = router_config(skaffold_routing(routing, asked)), unread(image, asked, result)
    from cli.building.running import build_and_report, print_plan

    if routing.dry_run:
        print_plan(config, build)
    else:
        build_and_report(config, build, display, result)
