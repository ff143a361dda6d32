"""A plan and the lists of a definition as buildx prints them: the same JSON, in the same order."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from router.bake.definition import BakeDefinition, BakePlan
from router.bake.entries import Attest, Cache, Export, Policy, Secret, SSHKeys
from router.bake.fields import TARGET_FIELDS
from router.bake.target import BakeGroup, BakeTarget
from router.bake.variables import BakeVariable

__all__ = [
    "ListedBakeTarget",
    "bake_plan_json",
    "bake_plan_values",
    "bake_targets_json",
    "bake_variables_json",
    "list_bake_targets",
]

_ESCAPED = re.compile("[<>&\u2028\u2029]")
_FIELDS = tuple((name, field) for name, (field, _) in TARGET_FIELDS.items() if name != "inherits")
_TEMPLATED = frozenset({"annotations", "dockerfile-inline", "labels", "args", "extra-hosts"})
"""What is written so that HCL reads it as it is."""


def bake_plan_json(plan: BakePlan) -> str:
    """Return a plan as ``--print`` prints it."""
    return _written(bake_plan_values(plan))


def bake_plan_values(plan: BakePlan) -> dict[str, Any]:
    """Return what ``--print`` prints, before it is written as JSON."""
    printed: dict[str, Any] = {}
    if plan.groups:
        printed["group"] = {name: _group(plan.groups[name]) for name in sorted(plan.groups)}
    printed["target"] = {name: target_as_json(plan.targets[name]) for name in sorted(plan.targets)}
    return printed


def _group(group: BakeGroup) -> dict[str, Any]:
    told = {"description": group.description} if group.description else {}
    return {**told, "targets": None if group.targets is None else list(group.targets)}


def target_as_json(target: BakeTarget) -> dict[str, Any]:
    """Return a target as the properties of an object."""
    printed: dict[str, Any] = {}
    for name, field in _FIELDS:
        value = getattr(target, field)
        # A flag, a path or a text counts where it was given; an empty list or map never does.
        empty = value == "" if name == "description" else value in ((), {})
        if value is None or empty:
            continue
        printed[name] = _printed(name, value)
    return printed


def _printed(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        keys = value if name == "resources" else sorted(value)
        return {key: _escaped(name, value[key]) for key in keys}
    if isinstance(value, tuple):
        return [_entry(each) if not isinstance(each, str) else _escaped(name, each) for each in value]
    return _escaped(name, value)


def _escaped(name: str, value: Any) -> Any:
    if name in _TEMPLATED and isinstance(value, str):
        return value.replace("${", "$${").replace("%{", "%%{")
    return value


def _entry(entry: Any) -> dict[str, Any]:
    match entry:
        case Attest(type=kind, disabled=disabled, attrs=attrs):
            return _sorted({**attrs, "type": kind, **({"disabled": True} if disabled else {})})
        case Cache(type=kind, attrs=attrs):
            return _sorted({**attrs, "type": kind})
        case Export(type=kind, destination=destination, attrs=attrs):
            return _sorted({**attrs, "type": kind, **({"dest": destination} if destination else {})})
        case Secret(id=name, path=path, variable=variable):
            return {key: value for key, value in (("id", name), ("src", path), ("env", variable)) if value}
        case SSHKeys(id=name, paths=paths):
            return {**({"id": name} if name else {}), **({"paths": list(paths)} if paths else {})}
        case Policy() as policy:
            return _policy(policy)
    raise AssertionError("every entry has a kind")


def _policy(policy: Policy) -> dict[str, Any]:
    files = [{"Filename": each, "Data": None} for each in policy.files]
    return {
        "Files": files or None,
        "Reset": policy.reset,
        "Disabled": policy.disabled,
        "Strict": policy.strict,
        "LogLevel": policy.log_level,
    }


def _sorted(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: members[name] for name in sorted(members)}


def _written(value: Any) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return _ESCAPED.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


ListedBakeTarget = tuple[str, str, bool]
"""A target or a group as ``--list targets`` shows it: name, description, whether it is a group."""


def list_bake_targets(definition: BakeDefinition) -> Sequence[ListedBakeTarget]:
    """Return targets and groups by name, without those that begin with an underscore."""
    found: list[ListedBakeTarget] = [(each.name, each.description, False) for each in definition.targets]
    for group in definition.groups:
        names = ", ".join(sorted(group.targets or ()))
        told = f"{group.description} ({names})" if group.description and names else group.description or names
        found.append((group.name, told, True))
    return sorted((each for each in found if not each[0].startswith("_")), key=lambda each: each[0])


def bake_targets_json(listed: Sequence[ListedBakeTarget]) -> str:
    """Return targets and groups as ``--list type=targets,format=json`` prints them."""
    printed = [
        {"name": name, **({"description": told} if told else {}), **({"group": True} if is_group else {})}
        for name, told, is_group in listed
    ]
    return _written(printed or None)


def bake_variables_json(variables: Sequence[BakeVariable]) -> str:
    """Return variables as ``--list type=variables,format=json`` prints them."""
    printed = [
        {
            "name": each.name,
            **({"description": each.description} if each.description else {}),
            **({"type": each.type} if each.type else {}),
            **({"value": each.value} if each.value is not None else {}),
        }
        for each in sorted(variables, key=lambda each: each.name)
    ]
    return _written(printed)
