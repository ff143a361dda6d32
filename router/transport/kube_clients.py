"""The API servers that one router talks to: each kubeconfig is read once, each connection used again.

A build that goes into a pod lists the pods first: what carried the listing carries the exec.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from router.transport.kube_api import KubeApi
    from router.transport.kubeconfig import KubeSource

__all__ = ["KubeClients"]


class KubeClients:
    """API servers by the kubeconfig and the context that name them. For one environment; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._apis: dict[tuple[str | None, str | None], KubeApi] = {}

    def api(self, source: KubeSource) -> KubeApi:
        """Return the API server that a source names. Raises ``UsageError``."""
        from router.transport.kube_api import KubeApi
        from router.transport.kubeconfig import load_target

        with self._lock:
            known = self._apis.get((source.kubeconfig, source.context))
            if known is None:
                target = load_target(source)
                named = (source.kubeconfig, target.context or None)
                known = self._apis.get(named) or KubeApi(target, source.environment)
                self._apis[source.kubeconfig, source.context] = self._apis[named] = known
            return known
