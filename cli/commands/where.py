"""`warmroute where`: the order of the fleet for a key."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cli import options as o
from cli.command_line import Argument
from cli.commands.requests import ImageOptions, asked_by_skaffold, build_request, skaffold_routing
from cli.commands.routing import RoutingOptions, router_config
from cli.render.foreign import printable as line
from router.placement.key import Key, printable

if TYPE_CHECKING:
    from router import Route

__all__ = ["command"]

_KeysArgument = Annotated[
    list[str] | None,
    Argument(metavar="KEY", help="Balancing keys. [dim]default: what `build` would use here[/]"),
]


def command(
    keys: _KeysArgument = None,
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
    identity: o.IdentityOption = "name",
    via: o.ViaChoice = "auto",
    pod_port: o.PodPort = None,
    container: o.Container = None,
    connect_timeout: o.ConnectTimeout = 10.0,
    format: o.Format = "table",
) -> None:
    """Show which daemon each key belongs to, and which come next."""
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
                key=key_option,
                identity=identity,
                via=via,
                pod_port=pod_port,
                container=container,
                connect_timeout=connect_timeout,
            ),
            asked,
        )
    )
    from router import BuildRouter

    router = BuildRouter(config)
    request = build_request(ImageOptions(context=context, tags=tag, platforms=platform), asked).request
    given = [Key(key=printable(key), rule="key") for key in keys or ()]
    routes = router.routes(given or [router.key(request)], request.platforms)
    sys.stdout.write(f"{_json(routes) if format == 'json' else _tables(routes)}\n")
    if not routes[0].candidates:
        sys.stderr.write(f"no {line(router.fleet.describe())}\n")


def _json(routes: Sequence[Route]) -> str:
    """Write one object for one key, a list of them for several."""
    values = [_values(route) for route in routes]
    return json.dumps(values[0] if len(values) == 1 else values, indent=2)


def _values(route: Route) -> dict[str, object]:
    return {
        "key": route.key.key,
        "rule": route.key.rule,
        "placement": route.placement,
        "home": route.home.name if route.home else None,
        "order": [
            {
                "name": candidate.daemon.name,
                "identity": candidate.daemon.hashed,
                "address": str(candidate.daemon.address),
                "state": candidate.daemon.state,
                "fit": candidate.fit,
                "reason": candidate.reason,
                "exclusions": [
                    {"kind": exclusion.kind, "text": exclusion.text} for exclusion in candidate.exclusions
                ],
            }
            for candidate in route.candidates
        ],
    }


def _tables(routes: Sequence[Route]) -> str:
    return "\n\n".join(map(_table, routes))


def _table(route: Route) -> str:
    from cli.commands.table import table

    apart = any(candidate.daemon.hashed != candidate.daemon.name for candidate in route.candidates)
    lines = table(
        ("", "NAME", *(["IDENTITY"] if apart else []), "ADDRESS", "STATE", "LEFT OUT"),
        [
            (
                "home" if number == 0 else str(number + 1),
                candidate.daemon.name,
                *([candidate.daemon.identity] if apart else []),
                str(candidate.daemon.address),
                candidate.daemon.state,
                candidate.reason,
            )
            for number, candidate in enumerate(route.candidates)
        ],
    )
    return f"key {line(route.key.key)} (rule: {route.key.rule}), placement {route.placement}\n{lines}"
