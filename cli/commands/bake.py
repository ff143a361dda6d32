"""`warmroute bake`: definitions of many builds, as `docker buildx bake` reads them."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import router as library
from cli.bake_options import AllImages, AllResults, BakeOptions
from cli.build_options import ImageOptions, ResultOptions
from cli.building.baking import Wanted, bake_and_report, print_places
from cli.building.given_bake import GivenBake
from cli.given.routing import router_config
from cli.interruption import Silent, interruptible
from cli.options import ProgressDisplay, RoutingOptions
from cli.render.table import room_on_stdout, table
from router import BakeDefinition, UsageError, parse_call

__all__ = ["command"]

_LISTS = ("targets", "variables")


def command(
    bake: BakeOptions,
    image: AllImages,
    result: AllResults,
    routing: RoutingOptions,
    display: ProgressDisplay,
) -> None:
    """Build the targets of a definition, each at its own home: HCL, JSON or compose files, as for buildx."""
    if bake.print and bake.list:
        raise UsageError("--print and --list exclude each other", hint="leave out one of them")
    config = router_config(routing)
    given = GivenBake(bake, _flags(image, result), config)
    if bake.list or bake.print:
        with interruptible(Silent(heeds=False), timeout=config.timeout) as cancellation:
            read = given.read(cancellation)
            if bake.list:
                text = _listed(read.definition, *_list_of(bake.list))
            else:
                text = library.bake_plan_json(given.plan(read))
        sys.stdout.write(f"{text}\n")
        return
    wanted = Wanted(
        prepare=given.prepared,
        parallel=_parallel(bake.parallel),
        keep_going=bake.keep_going,
        question=image.extra.question,
    )
    if routing.dry_run:
        print_places(config, wanted)
    else:
        bake_and_report(config, wanted, display, result)


def _parallel(number: float) -> int:
    if not float(number).is_integer():
        raise UsageError(f"--parallel {number:g} is not a whole number", hint="for example: --parallel 4")
    return int(number)


def _flags(image: ImageOptions, result: ResultOptions) -> Sequence[str]:
    """Return the overrides that the other flags stand for."""
    method = parse_call(image.extra.question).method
    # The Dockerfile frontend's word for it.
    call = {"check": "lint", "build": None}.get(method, method)
    return library.bake_overrides(
        push=bool(result.push),
        load=bool(result.load),
        call=call,
        no_cache=image.no_cache,
        pull=image.pull,
        sbom=image.attestations.sbom,
        provenance=image.attestations.provenance,
    )


def _listed(definition: BakeDefinition, kind: str, as_json: bool) -> str:
    if kind == "variables":
        if as_json:
            return library.bake_variables_json(definition.variables)
        rows = [
            (each.name, each.type, "<null>" if each.value is None else each.value, each.description)
            for each in sorted(definition.variables, key=lambda each: each.name)
        ]
        return table(("VARIABLE", "TYPE", "VALUE", "DESCRIPTION"), rows, room=room_on_stdout())
    listed = library.list_bake_targets(definition)
    if as_json:
        return library.bake_targets_json(listed)
    rows_of_targets = [(name, told) for name, told, _ in listed]
    return table(("TARGET", "DESCRIPTION"), rows_of_targets, room=room_on_stdout())


def _list_of(text: str) -> tuple[str, bool]:
    """Return what is to be listed, and whether as JSON."""
    fields = {"type": text} if "=" not in text else dict(_field(text, each) for each in text.split(","))
    if fields.keys() - {"type", "format"} or fields.get("format", "table") not in {"table", "json"}:
        raise _wrong(text)
    if fields.get("type") not in _LISTS:
        raise _wrong(text)
    return fields["type"], fields.get("format") == "json"


def _field(text: str, field: str) -> tuple[str, str]:
    key, equals, value = field.partition("=")
    if not equals:
        raise _wrong(text)
    return key.strip().lower(), value


def _wrong(text: str) -> UsageError:
    return UsageError(
        f'invalid --list "{text}": it lists targets or variables',
        hint="for example: --list targets, --list type=variables,format=json",
    )
