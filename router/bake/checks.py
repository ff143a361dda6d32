"""What a build of a target would refuse, told when it is planned: buildx prints no such target either."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from router.bake.places import DefinitionFault
from router.bake.target import BakeTarget
from router.errors import UsageError
from router.flags.annotation import parse_annotations
from router.flags.platform import parse_platforms
from router.flags.resource import parse_resources
from router.flags.ulimit import parse_ulimits
from router.notation.size import SHM_SIZE, parse_size

__all__ = ["check_target"]

_LOCAL = "linux/amd64"
"""What ``local`` stands for makes no difference to whether a platform is one."""


def check_target(target: BakeTarget) -> None:
    """Raise ``DefinitionFault`` for a platform, an annotation, a limit or a size that is none."""
    for name, check in _checks(target):
        try:
            check()
        except UsageError as exc:
            raise DefinitionFault(f"{name} of the target {target.name}: {exc}") from None


def _checks(target: BakeTarget) -> Iterator[tuple[str, Callable[[], object]]]:
    if target.platforms:
        yield "platforms", lambda: parse_platforms(target.platforms or (), local=_LOCAL)
    if target.annotations:
        yield "annotations", lambda: parse_annotations(target.annotations or (), local=_LOCAL)
    if target.ulimits:
        yield "ulimits", lambda: parse_ulimits(target.ulimits or ())
    if target.resources:
        # A number is one already.
        entries = [f"{name}={value}" for name, value in target.resources.items() if isinstance(value, str)]
        yield "resources", lambda: parse_resources(entries)
    if target.shm_size is not None:
        yield "shm-size", lambda: parse_size(target.shm_size or "", SHM_SIZE)
