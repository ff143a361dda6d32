"""`warmroute version`."""

from __future__ import annotations

import platform
import sys

__all__ = ["command"]


def command() -> None:
    """Print the version."""
    from importlib.metadata import version

    sys.stdout.write(f"warmroute {version('warmroute')} (Python {platform.python_version()})\n")
