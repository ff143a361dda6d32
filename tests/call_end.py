"""The end of a call on a server of grpcio."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["at_end"]


def at_end(context: Any, action: Callable[[], None]) -> None:
    """Have something done once a call is over; at once where it is over, as grpcio takes no callback then."""
    if not context.add_callback(action):
        action()
