"""What dialling needs beside the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["DialOptions", "TLSOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSOptions:
    """Paths of PEM files, in buildctl's meaning; ``server_name`` overrides the host of the address."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DialOptions:
    """``environment`` stands for os.environ (HOME, KUBECONFIG, DOCKER_CONFIG ...); ``timeout`` is seconds
    for the whole of connecting."""

    tls: TLSOptions | None = None
    kubeconfig: str | None = None
    kube_context: str | None = None
    timeout: float = 10.0
    environment: Mapping[str, str] = field(default_factory=dict)
