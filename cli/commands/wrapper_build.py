"""`skaffold-buildkit-wrapper build`: `warmroute build` as the older program takes it."""

from __future__ import annotations

import os
from typing import Annotated

from cli.build_options import ImageOptions
from cli.building.running import build_and_report, print_plan
from cli.given.requests import asked_by_skaffold, skaffold_routing, unread
from cli.given.routing import router_config
from cli.groups import Only
from cli.options import ProgressDisplay, RoutingOptions

__all__ = ["command"]

# What BuildKit's own programs use where nothing is said.
_DEFAULT_ADDRESS = "unix:///run/buildkit/buildkitd.sock"

_Image = Annotated[ImageOptions, Only("--file", "--build-arg", "--secret")]
_Routing = Annotated[
    RoutingOptions, Only("--addr", "--selector", "--key", "--backend", "--dry-run", backend="docker")
]


def command(image: _Image, routing: _Routing, display: ProgressDisplay) -> None:
    """Build the image that skaffold asks for, with docker or on a buildkitd."""
    asked = asked_by_skaffold()
    routed, warnings = _as_wrapper_routes(routing, has_host=bool(os.environ.get("BUILDKIT_HOST")))
    if asked is not None and image.file and routing.backend != "docker":
        # The name of a Dockerfile was buildctl's, which looks for it in the context.
        image = image.replaced(file=os.path.join(asked.context, image.file))
    build = unread(image, asked)._replace(warnings=warnings)
    config = router_config(skaffold_routing(routed, asked))
    if routing.dry_run:
        print_plan(config, build)
    else:
        build_and_report(config, build, display)


def _as_wrapper_routes(options: RoutingOptions, *, has_host: bool) -> tuple[RoutingOptions, tuple[str, ...]]:
    """Return where the old program would have built, and what it would not have looked at."""
    fleet, said = options.fleet, ""
    if options.backend == "docker":
        given = (("--addr", fleet.addresses), ("--kube-pod-selector", fleet.selector))
        if unused := " and ".join(name for name, value in given if value):
            said = f"with --cli docker the local engine builds: {unused} is ignored"
        fleet = fleet.replaced(addresses=None, selector=None)
    elif fleet.selector and fleet.addresses and options.home.key:
        said = "--kube-pod-selector is given: --addr is ignored"
        fleet = fleet.replaced(addresses=None)
    elif fleet.selector and fleet.addresses:
        said = "--addr is given, and no hash key: --kube-pod-selector is ignored"
        fleet = fleet.replaced(selector=None)
    elif not (fleet.selector or fleet.addresses or has_host):
        fleet = fleet.replaced(addresses=[_DEFAULT_ADDRESS])
    return options.replaced(fleet=fleet), (said,) if said else ()
