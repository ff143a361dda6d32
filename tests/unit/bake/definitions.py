"""Definitions for tests: read and planned in one step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from router.bake.bodies import parse_native
from router.bake.definition import BakeDefinition, BakeFile, BakePlan, parse_files, plan
from router.bake.outside import BakeOutside
from router.bake.places import Source
from router.bake.printing import bake_plan_json
from router.bake.resolution import resolve
from router.bake.values import Value

__all__ = ["OUTSIDE", "definition", "evaluated", "nothing", "outside", "planned", "printed"]


def outside(
    environment: Mapping[str, str] | None = None, variables: Mapping[str, str] | None = None
) -> BakeOutside:
    """Return what a definition sees."""
    return BakeOutside(
        environment=environment or {},
        variables=variables or {},
        builtin={"BAKE_CMD_CONTEXT": "cwd://", "BAKE_LOCAL_PLATFORM": "linux/amd64"},
        now=datetime(2024, 2, 29, 13, 4, 5, tzinfo=UTC),
        home="/home/me",
    )


OUTSIDE = outside()


def nothing(_path: str) -> bytes | None:
    """There is no file."""
    return None


def definition(text: str, name: str = "docker-bake.hcl", seen: BakeOutside = OUTSIDE) -> BakeDefinition:
    """Read a definition that is one file."""
    return parse_files([BakeFile(name, text.encode())], seen, nothing)


def planned(text: str, *wanted: str, overrides: Sequence[str] = (), seen: BakeOutside = OUTSIDE) -> BakePlan:
    """Plan targets of a definition in HCL."""
    return plan(definition(text, seen=seen), wanted or ["default"], overrides, seen)


def printed(text: str, *wanted: str, overrides: Sequence[str] = (), seen: BakeOutside = OUTSIDE) -> Any:
    """Return the targets of a definition in HCL as they are printed."""
    return json.loads(bake_plan_json(planned(text, *wanted, overrides=overrides, seen=seen)))["target"]


def evaluated(expression: str, before: str = "") -> Value:
    """Return the value of an expression of HCL."""
    body = parse_native(
        Source("docker-bake.hcl", f'{before}\nvariable "it" {{\n  default = {expression}\n}}\n')
    )
    listed = resolve([body], OUTSIDE).variables
    return next(each.value for each in listed if each.name == "it") or ""
