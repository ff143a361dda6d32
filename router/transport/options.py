"""What dialling needs beside the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from router.kubernetes.clients import KubeClients
from router.model.frozen import field, frozen
from router.model.routing import GrpcEngine, Via
from router.model.tls import TLSOptions
from router.once import OneTimeFiles

__all__ = ["DialOptions", "TLSOptions"]


def _keep_quiet(_text: str) -> None:
    """Tell nobody."""


@frozen
class DialOptions:
    """``environment`` stands for os.environ (HOME, KUBECONFIG, DOCKER_CONFIG ...); ``timeout`` is seconds
    for the whole of connecting.

    ``via`` is for pods whose address names no way; ``pod_port`` and ``container`` win over what the address
    says. ``kube`` is what the API servers are talked to with, for who shares it. ``grpc_engine`` is what
    speaks gRPC on the connection. ``tell`` hears why a way was taken, one sentence at a time, from the thread
    that dials, ``warn`` what of the options counts for nothing on it. ``files`` has what was read of TLS
    files that can be read once.
    """

    tls: TLSOptions | None = None
    kubeconfig: str | None = None
    kube_context: str | None = None
    via: Via = "auto"
    pod_port: int | None = None
    container: str | None = None
    kube: KubeClients | None = None
    grpc_engine: GrpcEngine = "builtin"
    timeout: float = 10.0
    tell: Callable[[str], None] = _keep_quiet
    warn: Callable[[str], None] = _keep_quiet
    environment: Mapping[str, str] = field(default_factory=dict)
    files: OneTimeFiles = field(default_factory=OneTimeFiles, repr=False)
