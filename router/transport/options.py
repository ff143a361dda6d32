"""What dialling needs beside the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from router.model.frozen import frozen
from router.model.tls import TLSOptions

__all__ = ["DialOptions", "TLSOptions"]


@frozen
class DialOptions:
    """``environment`` stands for os.environ (HOME, KUBECONFIG, DOCKER_CONFIG ...); ``timeout`` is seconds
    for the whole of connecting."""

    tls: TLSOptions | None = None
    kubeconfig: str | None = None
    kube_context: str | None = None
    timeout: float = 10.0
    environment: Mapping[str, str] = field(default_factory=dict)
