"""`warmroute where`: the order of the fleet for a key."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated

from cli import options as o
from cli.command_line import Argument
from cli.commands.requests import ImageOptions, asked_by_skaffold, build_request, skaffold_routing
from cli.commands.routing import RoutingOptions, router_config

if TYPE_CHECKING:
    from router import Route

__all__ = ["command"]

_KeyArgument = Annotated[
    str | None,
    Argument(metavar="KEY", help="A balancing key. [dim]default: what `build` would use here[/]"),
]


def command(
    key: _KeyArgument = None,
    context: o.ContextOption = None,
    tag: o.Tags = None,
    platform: o.Platforms = None,
    selector: o.Selector = None,
    namespace: o.Namespace = None,
    kube_context: o.KubeContext = None,
    kubeconfig: o.Kubeconfig = None,
    addr: o.Addresses = None,
    key_option: o.KeyOption = None,
    placement: o.PlacementChoice = "ring",
    backend: o.BackendChoice = "native",
    connect_timeout: o.ConnectTimeout = 10.0,
    format: o.Format = "table",
) -> None:
    """Show which daemon a key belongs to, and which come next."""
    asked = asked_by_skaffold()
    config = router_config(
        skaffold_routing(
            RoutingOptions(
                addresses=addr,
                selector=selector,
                namespace=namespace,
                kube_context=kube_context,
                kubeconfig=kubeconfig,
                placement=placement,
                backend=backend,
                key=key or key_option,
                connect_timeout=connect_timeout,
            ),
            asked,
        )
    )
    from router import BuildRouter

    router = BuildRouter(config)
    request = build_request(ImageOptions(context=context, tags=tag, platforms=platform), asked).request
    route = router.route(router.key(request), request.platforms)
    sys.stdout.write(f"{_json(route) if format == 'json' else _table(route)}\n")
    if not route.candidates:
        sys.stderr.write(f"no {router.fleet.describe()}\n")


def _json(route: Route) -> str:
    return json.dumps(
        {
            "key": route.key.key,
            "rule": route.key.rule,
            "placement": route.placement,
            "home": route.home.name if route.home else None,
            "order": [
                {
                    "name": candidate.daemon.name,
                    "address": candidate.daemon.address,
                    "fit": candidate.fit,
                    "reason": candidate.reason,
                }
                for candidate in route.candidates
            ],
        },
        indent=2,
    )


def _table(route: Route) -> str:
    from cli.commands.table import table

    lines = table(
        ("", "NAME", "ADDRESS", "STATE", "LEFT OUT"),
        [
            (
                "home" if number == 0 else str(number + 1),
                candidate.daemon.name,
                candidate.daemon.address,
                candidate.daemon.state,
                candidate.reason,
            )
            for number, candidate in enumerate(route.candidates)
        ],
    )
    return f"key {route.key.key} (rule: {route.key.rule}), placement {route.placement}\n{lines}"
