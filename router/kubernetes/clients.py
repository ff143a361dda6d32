"""The API servers that one router talks to: each kubeconfig is read once, each connection used again.

A build that goes into a pod lists the pods first: what carried the listing carries the exec.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from router.closing import Closing

if TYPE_CHECKING:
    from router.kubernetes.api import KubeApi
    from router.kubernetes.config import KubeSource
    from router.kubernetes.credentials import PluginAnswers
    from router.once import OneTimeFiles

__all__ = ["KubeClients"]


class KubeClients(Closing):
    """API servers by the kubeconfig and the context that name them, and what credential plugins answered.

    For one environment; safe for threads. A context manager; it can be used on after it was closed.
    ``files`` has what was read of kubeconfigs that can be read once.
    """

    def __init__(self, files: OneTimeFiles | None = None) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._answers: PluginAnswers | None = None
        self._apis: dict[tuple[str | None, str | None], KubeApi] = {}

    def api(self, source: KubeSource) -> KubeApi:
        """Return the API server that a source names. Raises ``UsageError``."""
        # Every build has an object of this class; few need what a connection to an API server does (TLS alone
        # takes as long to load as a tenth of a cached build).
        from router.kubernetes.api import KubeApi
        from router.kubernetes.config import load_target
        from router.kubernetes.credentials import PluginAnswers

        with self._lock:
            known = self._apis.get((source.kubeconfig, source.context))
            if known is None:
                target = load_target(source, self._files)
                named = (source.kubeconfig, target.context or None)
                self._answers = self._answers or PluginAnswers()
                known = self._apis.get(named) or KubeApi(target, source.environment, self._answers)
                self._apis[source.kubeconfig, source.context] = self._apis[named] = known
            return known

    def close(self) -> None:
        """Close the connections that are kept for a next request; those in use are not touched."""
        with self._lock:
            apis = set(self._apis.values())
        for api in apis:
            api.drop_idle()
