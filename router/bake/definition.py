"""A definition as a whole: its files merged, and of it the targets that are asked for, with all they
inherit."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from router.bake.bodies import Body, parse_native
from router.bake.bounds import MOST_BYTES, Budget
from router.bake.checks import check_target
from router.bake.compose import NOTHING, Read, is_compose_name, load_compose
from router.bake.entries import Export
from router.bake.go_names import clean_path, is_pattern, matches
from router.bake.json_bodies import parse_json
from router.bake.outside import BakeOutside
from router.bake.overrides import Overrides, apply_overrides, parse_overrides
from router.bake.places import DefinitionFault, Source
from router.bake.remote import within_remote
from router.bake.resolution import BLOCKS, resolve
from router.bake.target import BakeGroup, BakeTarget, merged, normalized, size_of
from router.bake.variables import BakeVariable
from router.notation.git import parse_git_context

__all__ = ["BakeDefinition", "BakeFile", "BakePlan", "parse_files", "plan"]

_DEEPEST = 200
_STEPS_OF_MERGE = 20
"""To merge two targets takes as long as so many steps of evaluation."""


class BakeFile(NamedTuple):
    """A file of a definition: its name as it was given, and its content."""

    name: str
    content: bytes


class BakeDefinition(NamedTuple):
    """What the files define; of two groups with one name the first counts."""

    groups: Sequence[BakeGroup]
    targets: Sequence[BakeTarget]
    variables: Sequence[BakeVariable]


class BakePlan(NamedTuple):
    """What is to be built: the targets by name, those that others need among them, and the groups that were
    named."""

    groups: Mapping[str, BakeGroup]
    targets: Mapping[str, BakeTarget]


def parse_files(files: Sequence[BakeFile], outside: BakeOutside, read: Read) -> BakeDefinition:
    """Read a definition; ``read`` reads what compose files name. Raises ``DefinitionFault``."""
    try:
        return _parsed(files, outside, read)
    except RecursionError:
        raise DefinitionFault("the definition is nested too deeply") from None


def _parsed(files: Sequence[BakeFile], outside: BakeOutside, read: Read) -> BakeDefinition:
    bodies: list[Body] = []
    compose: list[tuple[str, bytes]] = []
    for file in files:
        if len(file.content) > MOST_BYTES:
            raise DefinitionFault(f"{file.name} is too large for a definition: {len(file.content)} bytes")
        body = _body(file, outside, read)
        if body is None:
            compose.append((file.name, file.content))
        else:
            bodies.append(body)
    loaded = load_compose(compose, outside, read) if compose else NOTHING
    resolved = resolve(bodies, outside)
    groups = list(loaded.groups)
    _add_groups(groups, resolved.groups)
    targets = [*loaded.targets, *resolved.targets]
    for name, names in resolved.renamed.items():
        once = tuple(dict.fromkeys(names))
        if once != (name,):
            groups.append(BakeGroup(name, once))
    return BakeDefinition(
        [each._replace(targets=each.targets and tuple(dict.fromkeys(each.targets))) for each in groups],
        _merged_by_name(targets),
        resolved.variables,
    )


def _body(file: BakeFile, outside: BakeOutside, read: Read) -> Body | None:
    """Return what an HCL file says, None for a compose file."""
    name = file.name.lower()
    if is_compose_name(name):
        return None
    text = file.content.decode("utf-8", "replace")
    if name.endswith(".json"):
        return parse_json(Source(file.name, text), BLOCKS)
    if name.endswith(".hcl"):
        return parse_native(Source(file.name, text))
    try:
        load_compose([(file.name, file.content)], outside, read, alone=True)
    except DefinitionFault:
        return _of_either_syntax(file.name, text)
    return None


def _of_either_syntax(name: str, text: str) -> Body:
    try:
        return parse_native(Source(name, text))
    except DefinitionFault as fault:
        try:
            return parse_json(Source(name, text), BLOCKS)
        except DefinitionFault:
            raise fault from None


def _add_groups(groups: list[BakeGroup], others: Iterable[BakeGroup]) -> None:
    """Add groups; one that has a name that there is already takes its place."""
    for each in others:
        for index, known in enumerate(groups):
            if known.name == each.name:
                groups[index] = each
                break
        else:
            groups.append(each)


def _merged_by_name(targets: Iterable[BakeTarget]) -> list[BakeTarget]:
    found: dict[str, BakeTarget] = {}
    for each in targets:
        known = found.get(each.name)
        found[each.name] = each if known is None else merged(known, each)
    return list(found.values())


def plan(
    definition: BakeDefinition,
    wanted: Sequence[str],
    overrides: Iterable[str],
    outside: BakeOutside,
) -> BakePlan:
    """Return the targets that are asked for by their names, groups' names or patterns, and all they need."""
    names = _Names(definition)
    parsed = parse_overrides(overrides, names.targets, outside.environment)
    resolver = _Targets(definition, parsed)
    asked = list(dict.fromkeys(each for name in wanted for each in names.matching(name.replace(".", "_"))))
    targets: dict[str, BakeTarget] = {}
    groups: dict[str, BakeGroup] = {}
    for name in asked:
        members, within = names.expanded(name)
        for each in members:
            if each not in targets:
                targets[each] = resolver.resolved(each)
        groups |= {each: names.group(each) for each in within}
    _add_default(groups, asked)
    links = _Links(targets, resolver)
    for name in list(targets):
        links.follow(name)
    complete = {name: finished(name, target, outside.remote) for name, target in targets.items()}
    return BakePlan(groups, complete)


def _add_default(groups: dict[str, BakeGroup], asked: Sequence[str]) -> None:
    for name in asked:
        if name == "default" and "default" in groups:
            continue
        default = groups.get("default", BakeGroup("default"))
        groups["default"] = default._replace(targets=(*(default.targets or ()), name))
    if (found := groups.get("default")) is not None and found.targets:
        groups["default"] = found._replace(targets=tuple(sorted(set(found.targets))))


class _Names:
    """The names of a definition, and what they stand for."""

    def __init__(self, definition: BakeDefinition) -> None:
        self._groups: dict[str, BakeGroup] = {}
        for each in definition.groups:
            self._groups.setdefault(each.name, each)
        self.targets = [each.name for each in definition.targets]

    def group(self, name: str) -> BakeGroup:
        return self._groups[name]

    def matching(self, pattern: str) -> Sequence[str]:
        if not is_pattern(pattern):
            return [pattern]
        found = [each for each in (*self._groups, *self.targets) if _matches(pattern, each)]
        if not found:
            raise DefinitionFault(f'no target matches "{pattern}"')
        return found

    def expanded(self, name: str) -> tuple[Sequence[str], Sequence[str]]:
        """Return the targets of a group, and the groups that it consists of, itself first."""
        return self._of(name, {})

    def _of(
        self, name: str, visited: dict[str, tuple[list[str], list[str]] | None]
    ) -> tuple[list[str], list[str]]:
        if name in visited:
            known = visited[name]
            if known is not None:
                return known
            if name not in self.targets:
                raise DefinitionFault(f"the group {name} contains itself")
            # Within a group its own name is the target's.
            return [name], []
        group = self._groups.get(name)
        if group is None:
            return [name], []
        if len(visited) > _DEEPEST:
            raise DefinitionFault("groups are nested too deeply")
        visited[name] = None
        targets: list[str] = []
        groups = [name]
        for each in group.targets or ():
            inner, within = self._of(each, visited)
            targets += inner or [each]
            groups += within
        # Each once at every level: groups that share groups would come to ever more.
        found = list(dict.fromkeys(targets)), list(dict.fromkeys(groups))
        visited[name] = found
        return found


def _matches(pattern: str, name: str) -> bool:
    try:
        return matches(pattern, name)
    except DefinitionFault:
        return False


class _Targets:
    """Targets with what they inherit and what is set."""

    def __init__(self, definition: BakeDefinition, overrides: Overrides) -> None:
        self._targets = {each.name: each for each in definition.targets}
        self._names = [*self._targets, *(each.name for each in definition.groups)]
        self._overrides = overrides
        self._budget = Budget()

    def resolved(self, name: str) -> BakeTarget:
        target = self._inherited(name, {})
        if target is None:
            raise AssertionError("the first target has no visitor")
        self._budget.spend(0, size_of(target)[1])
        return target._replace(
            inherits=None,
            context="." if target.context is None else target.context,
            dockerfile=target.dockerfile or "Dockerfile",
        )

    def _inherited(self, name: str, visited: dict[str, BakeTarget | None]) -> BakeTarget | None:
        if name in visited:
            return visited[name]
        if len(visited) > _DEEPEST:
            raise DefinitionFault("targets inherit from each other too deeply")
        visited[name] = None
        target = self._targets.get(name)
        if target is None:
            raise DefinitionFault(no_target(name, self._names))
        made = BakeTarget()
        for each in target.inherits or ():
            parent = self._inherited(each, visited)
            if parent is not None:
                made = merged(made, parent)
                self._budget.spend(_STEPS_OF_MERGE + size_of(made)[0])
        made = normalized(apply_overrides(merged(made, target), self._overrides.get(name, {})))
        self._budget.spend(_STEPS_OF_MERGE + size_of(made)[0])
        visited[name] = made
        return made


def no_target(name: str, known: Collection[str]) -> str:
    """Return the message for a name that is no target's, with the nearest one."""
    near = get_close_matches(name, known, n=1)
    if near:
        return f'there is no target named "{name}": did you mean "{near[0]}"?'
    shown = ", ".join(sorted(known)[:10])
    return f'there is no target named "{name}"' + (f": there are {shown}" if shown else "")


class _Links:
    """Adds the targets that contexts name, and what these may do to those that use them."""

    def __init__(self, targets: dict[str, BakeTarget], resolver: _Targets) -> None:
        self._targets = targets
        self._resolver = resolver
        self._done: set[str] = set()

    def follow(self, name: str, visited: tuple[str, ...] = ()) -> None:
        """Follow the contexts of a target, each target once."""
        if name in self._done:
            return
        visited = (*visited, name)
        if len(visited) > _DEEPEST:
            raise DefinitionFault("targets use each other too deeply")
        for context in (self._targets[name].contexts or {}).values():
            if context.startswith("target:"):
                self._follow_one(name, context.removeprefix("target:"), visited)
        self._done.add(name)

    def _follow_one(self, name: str, other: str, visited: tuple[str, ...]) -> None:
        if other == name:
            raise DefinitionFault(f"the target {name} uses itself as a context")
        if other in visited:
            raise DefinitionFault(f"the targets {' -> '.join([*visited, other])} use each other as contexts")
        targets = self._targets
        if other not in targets:
            made = self._resolver.resolved(other)
            targets[other] = made._replace(outputs=(Export("cacheonly", "", {}),), linked=True)
        self.follow(other, visited)
        targets[name] = _with_entitlements(targets[name], targets[other])
        _check_platforms(name, targets[name], other, targets[other])


def _with_entitlements(target: BakeTarget, other: BakeTarget) -> BakeTarget:
    missing = [each for each in other.entitlements or () if each not in (target.entitlements or ())]
    return target._replace(entitlements=(*(target.entitlements or ()), *missing)) if missing else target


def _check_platforms(name: str, target: BakeTarget, other_name: str, other: BakeTarget) -> None:
    wanted, built = target.platforms or (), other.platforms or ()
    if len(wanted) > 1 and len(built) > 1 and not set(wanted) <= set(built):
        missing = ", ".join(sorted(set(wanted) - set(built)))
        raise DefinitionFault(f"the target {name} uses {other_name}, which is not built for {missing}")


def finished(name: str, target: BakeTarget, remote: str = "") -> BakeTarget:
    """Return a target as it is built: paths in their shortest form, or in the repository that the definition
    comes from; outputs with where they go."""
    if target.context == "-" or target.dockerfile == "-":
        raise DefinitionFault(f"the target {name} reads from the standard input, which a definition can't")
    outputs = target.outputs
    if outputs is not None:
        outputs = tuple(_output(name, each) for each in outputs)
        if [each.destination for each in outputs].count("-") > 1:
            raise DefinitionFault(f"two outputs of the target {name} go to the standard output")
    made = target._replace(name=name, context=_context(target.context or ".", remote), outputs=outputs)
    check_target(made)
    return made


def _output(name: str, output: Export) -> Export:
    if output.type in {"oci", "docker"}:
        as_directory = output.attrs.get("tar") in {"0", "f", "F", "false", "FALSE", "False"}
    else:
        as_directory = output.type == "local"
    if as_directory:
        if not output.destination:
            raise DefinitionFault(f"an output of the target {name} needs a directory (dest): {output.type}")
        if output.destination == "-":
            raise DefinitionFault(
                f"an output of the target {name} is a directory, and can't go to the standard output"
            )
        return output
    return (
        output._replace(destination="-")
        if output.type in {"oci", "tar"} and not output.destination
        else output
    )


def _context(text: str, remote: str) -> str:
    inside = text.removeprefix("cwd://")
    if inside == text and (text.startswith(("http://", "https://")) or parse_git_context(text) is not None):
        return text
    return within_remote(remote, inside) if remote and inside == text else clean_path(inside)
