"""`warmroute version`."""

from __future__ import annotations

import platform
from importlib.metadata import version

import typer

__all__ = ["command"]


def command() -> None:
    """Print the version."""
    typer.echo(f"warmroute {version('warmroute')} (Python {platform.python_version()})")
