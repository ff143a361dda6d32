"""``--network``: which network the steps have."""

from __future__ import annotations

from router.model.build_options import NetworkMode
from router.notation.flag import Flag

__all__ = ["NetworkMode", "parse_network"]

_FLAG = Flag(name="--network", example="none")


def parse_network(text: str) -> NetworkMode:
    """Return the mode; empty is ``default``. Raises ``UsageError``.

    ``host`` needs the entitlement ``network.host`` as well, which buildx grants along with it.
    """
    match text:
        case "default" | "none" | "host":
            return text
        case "":
            return "default"
        case _:
            raise _FLAG.error(text, "choose default, none or host")
