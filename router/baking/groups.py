"""Which targets are built together: those that use each other's results. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from router.baking.requests import BakeBuild
from router.placement.key import Key

__all__ = ["groups", "in_order", "needed_by", "placing_keys"]


def groups(builds: Sequence[BakeBuild]) -> tuple[tuple[BakeBuild, ...], ...]:
    """Return the builds in groups without links between them, each in an order in which bases come first."""
    group_of: dict[str, set[str]] = {build.name: {build.name} for build in builds}
    for build in builds:
        for base in build.links.values():
            joined = group_of[build.name] | group_of[base]
            group_of |= dict.fromkeys(joined, joined)
    by_name = {build.name: build for build in builds}
    # By identity: the names of a group share one set.
    different = {id(names): names for names in (group_of[build.name] for build in builds)}
    ordered = (each.name for each in in_order(builds))
    place = {name: number for number, name in enumerate(ordered)}
    return tuple(
        tuple(by_name[name] for name in sorted(names, key=place.__getitem__)) for names in different.values()
    )


def placing_keys(builds: Sequence[BakeBuild]) -> Mapping[str, Key]:
    """Return the key that decides where each build goes: its own, or that of its group's first base."""
    return {build.name: group[0].key for group in groups(builds) for build in group}


def in_order(builds: Iterable[BakeBuild]) -> Iterator[BakeBuild]:
    """Yield builds with those that they use before them, else in their order."""
    by_name = {build.name: build for build in builds}
    done: set[str] = set()

    def with_bases(build: BakeBuild) -> Iterator[BakeBuild]:
        if build.name in done:
            return
        done.add(build.name)
        for base in build.links.values():
            yield from with_bases(by_name[base])
        yield build

    for build in by_name.values():
        yield from with_bases(build)


def needed_by(names: Iterable[str], builds: Mapping[str, BakeBuild]) -> frozenset[str]:
    """Return the names with those of all that they use."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += builds[name].links.values()
    return frozenset(found)
