"""Compose files as definitions: each service with a build section is a target.

https://github.com/compose-spec/compose-spec is what they mean. Read is what builds need: services with their
build sections, images, environments, and secrets; anything else is left alone. All of it is loaded when a
definition has a compose file: YAML takes a while.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

from router.bake.outside import BakeOutside
from router.bake.target import BakeGroup, BakeTarget

__all__ = ["NOTHING", "Loaded", "Read", "is_compose_name", "load_compose"]

Read: TypeAlias = Callable[[str], bytes | None]
"""Reads a file by its path, relative to the working directory; None where there is none."""

_SERVICES = "router.bake.compose.services"
_ENDINGS = (".yml", ".yaml")


class Loaded(NamedTuple):
    """What compose files define."""

    groups: Sequence[BakeGroup]
    targets: Sequence[BakeTarget]


NOTHING = Loaded((), ())


def is_compose_name(name: str) -> bool:
    """Whether a file is a compose file by its name."""
    return name.lower().endswith(_ENDINGS)


def load_compose(
    files: Sequence[tuple[str, bytes]], outside: BakeOutside, read: Read, *, alone: bool = False
) -> Loaded:
    """Return the targets of compose files; for one ``alone``, what others may add is not checked."""
    __import__(_SERVICES)
    return Loaded(*sys.modules[_SERVICES].load_services(files, outside, read, alone=alone))
