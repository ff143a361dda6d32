"""`warmroute where`: the order of the fleet for a key."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

from cli.build_options import Subject
from cli.commands.requests import prepare
from cli.groups import Only, OptionGroup, argument
from cli.options import FormatDisplay, RoutingOptions
from cli.render.foreign import printable as line
from router import Key

if TYPE_CHECKING:
    from router import Route

__all__ = ["command"]


class KeyArguments(OptionGroup):
    """What is looked for."""

    keys: list[str] | None = argument(
        "KEY", default=None, help="Balancing keys. [dim]default: what `build` would use here[/]"
    )


# Nothing is connected to, and nothing waited for.
_Routing = Annotated[RoutingOptions, Only("fleet", "home", "--backend", "reach")]


def command(arguments: KeyArguments, subject: Subject, routing: _Routing, display: FormatDisplay) -> None:
    """Show which daemon each key belongs to, and which come next."""
    config, prepared = prepare(routing, subject)
    from router import BuildRouter

    router, request = BuildRouter(config), prepared.request
    given = [Key.own(key) for key in arguments.keys or ()]
    routes = router.routes(given or [router.key(request)], request.platforms)
    sys.stdout.write(f"{_json(routes) if display.format == 'json' else _tables(routes)}\n")
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
    from cli.commands.table import room_on_stdout, table

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
        room=room_on_stdout(),
    )
    return f"key {line(route.key.key)} (rule: {route.key.rule}), placement {route.placement}\n{lines}"
