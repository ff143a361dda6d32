"""What of a pod placement hashes."""

from __future__ import annotations

from typing import Literal

from router.model.frozen import frozen

__all__ = ["Identity"]


@frozen
class Identity:
    """A pod's name, the name of its node, or the value of its label or annotation ``key``."""

    kind: Literal["name", "node", "label", "annotation"] = "name"
    key: str = ""
