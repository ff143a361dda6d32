"""`warmroute bake`: definitions of many builds, as `docker buildx bake` reads them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import router as library
from cli.bake_options import AllImages, AllResults, BakeOptions
from cli.build_options import ImageOptions, ResultOptions
from cli.given.definitions import bake_outside, definition_files, read_beside
from cli.render.table import room_on_stdout, table
from router import UsageError, parse_call

if TYPE_CHECKING:
    from router import BakeDefinition, BakePlan

__all__ = ["command"]

_EPOCH = "SOURCE_DATE_EPOCH"
_LISTS = ("targets", "variables")


def command(bake: BakeOptions, image: AllImages, result: AllResults) -> None:
    """Show what a definition of many builds comes to: HCL, JSON or compose files, as for buildx bake."""
    if bake.print and bake.list:
        raise UsageError("--print and --list exclude each other", hint="leave out one of them")
    outside = bake_outside(bake.variables)
    definition = library.read_bake(definition_files(bake.files), outside, read_beside)
    if bake.list:
        text = _listed(definition, bake.list)
    elif bake.print:
        overrides = [*(bake.overrides or ()), *_flags(image, result)]
        plan = library.plan_bake(definition, bake.targets or ["default"], overrides, outside)
        text = library.bake_plan_json(_with_epoch(plan))
    else:
        raise UsageError(
            "bake shows definitions, and does not build them yet",
            hint="add --print or --list targets; to build, start warmroute serve --register routed, then run"
            " BUILDX_BUILDER=routed docker buildx bake",
        )
    sys.stdout.write(f"{text}\n")


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


def _with_epoch(plan: BakePlan) -> BakePlan:
    """Return a plan whose targets have the environment's time of sources, as buildx gives it to them."""
    epoch = os.environ.get(_EPOCH)
    if not epoch:
        return plan
    targets = {
        name: each._replace(args={_EPOCH: epoch, **(each.args or {})}) for name, each in plan.targets.items()
    }
    return plan._replace(targets=targets)


def _listed(definition: BakeDefinition, wanted: str) -> str:
    kind, as_json = _list_of(wanted)
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
