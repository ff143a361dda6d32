"""How to install what few builds need: the packages of each extra in pyproject.toml, for hints.

warmroute is on no package index, so that a hint to install ``warmroute[grpcio]`` would lead nowhere, or to
whatever a stranger puts there under that name. The packages themselves can be installed.
"""

from __future__ import annotations

import shlex
import sys
from typing import Literal

__all__ = ["PACKAGES", "Extra", "install_line"]

Extra = Literal["grpcio", "kubernetes", "matplotlib", "otel", "otel-grpc", "gcp"]

PACKAGES: dict[Extra, tuple[str, ...]] = {
    "grpcio": ("grpcio>=1.67",),
    "kubernetes": ("kubernetes>=31",),
    "matplotlib": ("matplotlib>=3.9",),
    "otel": ("opentelemetry-sdk>=1.30", "opentelemetry-exporter-otlp-proto-http>=1.30"),
    # These two are in no extra: hardly anybody needs them.
    "otel-grpc": ("opentelemetry-exporter-otlp-proto-grpc>=1.30",),
    "gcp": ("google-auth>=2",),
}


def install_line(extra: Extra) -> str:
    """Return the command that installs an extra's packages for the interpreter that runs."""
    return shlex.join([sys.executable or "python3", "-m", "pip", "install", *PACKAGES[extra]])
