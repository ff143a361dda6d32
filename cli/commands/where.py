"""`warmroute where`: the order of the fleet for a key."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import router as library
from cli.build_options import ImageOptions, Subject
from cli.given.requests import asked_by_skaffold, build_request, skaffold_routing
from cli.given.routing import router_config
from cli.groups import Only, OptionGroup, argument
from cli.interruption import Silent, interruptible
from cli.options import FormatDisplay, RoutingOptions
from cli.render.foreign import printable as line
from cli.render.table import room_on_stdout, table
from router import UsageError

if TYPE_CHECKING:
    from router import Route

__all__ = ["command"]


class ImageArguments(OptionGroup):
    """The images to look for."""

    images: list[str] | None = argument(
        "IMAGE",
        default=None,
        help="Names of images, each the same as --tag. [dim]default: the image of `build` here[/]",
    )


# Nothing is connected to, and nothing waited for.
_Routing = Annotated[RoutingOptions, Only("fleet", "home", "--backend", "reach")]


def command(arguments: ImageArguments, subject: Subject, routing: _Routing, display: FormatDisplay) -> None:
    """Show which daemon each image belongs to, and which come next; --key takes a key as it is."""
    asked = asked_by_skaffold()
    config = router_config(skaffold_routing(routing, asked))
    requests = [build_request(each, asked).request for each in _subjects(subject, arguments.images)]
    router = library.BuildRouter(config)
    with interruptible(Silent(heeds=False)):
        routes = router.routes([router.key(request) for request in requests], requests[0].platforms)
    sys.stdout.write(f"{_json(routes) if display.format == 'json' else _tables(routes)}\n")
    if not routes[0].candidates:
        sys.stderr.write(f"no {line(router.fleet.describe())}\n")


def _subjects(subject: ImageOptions, images: Sequence[str] | None) -> Sequence[ImageOptions]:
    """Return what to look for: as many builds as images are named, else the one of the options."""
    if images and subject.tags:
        raise UsageError(
            f"images are named twice, as arguments ({', '.join(images)}) and by --tag",
            hint="leave out one of them",
        )
    return [subject.replaced(tags=[image]) for image in images or ()] or [subject]


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
    apart = any(candidate.daemon.hashed != candidate.daemon.name for candidate in route.candidates)
    lines = table(
        ("", "NAME", *(["IDENTITY"] if apart else []), "ADDRESS", "STATE", "SKIPPED"),
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
