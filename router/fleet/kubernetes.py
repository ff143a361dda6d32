"""The buildkitd pods that a label selector names, listed by one request to the API server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from router.errors import DialError, FleetError, UsageError
from router.fleet.contract import FleetOptions
from router.fleet.pods import Reach, daemon_of_pod
from router.model.daemon import Daemon
from router.retry import retrying
from router.transport.deadline import Deadline
from router.transport.http1 import Reply
from router.transport.kube_api import KubeApi, status_message
from router.transport.kubeconfig import KubeSource, KubeTarget, load_target

__all__ = ["KubernetesFleet"]


class KubernetesFleet:
    """Pods matching ``options.selector``. The kubeconfig is read when it is first needed."""

    def __init__(self, options: FleetOptions) -> None:
        if not options.selector:
            raise UsageError("a label selector is empty", hint="--selector app=buildkitd")
        self._options = options
        self._loaded: KubeTarget | None = None

    @property
    def hint(self) -> str | None:
        """The kubectl command that lists the same pods."""
        from shlex import join

        context = ["--context", self._options.kube_context] if self._options.kube_context else []
        selector = self._options.selector or ""
        return join(["kubectl", "get", "pods", *context, "-n", self._namespace, "-l", selector])

    def daemons(self) -> Sequence[Daemon]:
        """List the pods, ready or not. Raises FleetError, UsageError, ToolError."""
        deadline = Deadline(self._options.timeout)
        return retrying(lambda: self._list(deadline))

    def describe(self) -> str:
        """Name the selector and the namespace."""
        return f"buildkitd pods matching {self._options.selector} in namespace {self._namespace}"

    @property
    def _target(self) -> KubeTarget:
        if self._loaded is None:
            options = self._options
            self._loaded = load_target(
                KubeSource(
                    environment=options.environment,
                    kubeconfig=options.kubeconfig,
                    context=options.kube_context,
                )
            )
        return self._loaded

    @property
    def _namespace(self) -> str:
        return self._options.namespace or self._target.namespace

    def _list(self, deadline: Deadline) -> Sequence[Daemon]:
        target = self._target
        api = KubeApi(target, self._options.environment)
        try:
            reply = api.get(self._path(), deadline)
        except DialError as exc:
            raise FleetError(
                f"can't list {self.describe()}: {exc}",
                hint=exc.hint,
                reason=exc.reason,
                temporary=exc.temporary and not deadline.passed,
            ) from exc
        if reply.status != 200:
            raise self._refused(reply)
        # Out of a cluster pod IPs can rarely be reached, whatever the pods declare.
        pod_ip = self._options.pod_ip if target.in_cluster or self._options.pod_ip else False
        reach = Reach(namespace=self._namespace, context=target.context or None, pod_ip=pod_ip)
        return tuple(daemon_of_pod(pod, reach) for pod in _items(reply, api.name))

    def _path(self) -> str:
        from urllib.parse import quote

        selector = quote(self._options.selector or "", safe="")
        return f"/api/v1/namespaces/{quote(self._namespace)}/pods?labelSelector={selector}"

    def _refused(self, reply: Reply) -> FleetError | UsageError:
        said = status_message(reply)
        what = f"can't list {self.describe()}"
        match reply.status:
            case 400:
                return UsageError(
                    f"{what}: {said}", hint="a label selector reads like app=buildkitd,tier!=test"
                )
            case 401:
                return FleetError(
                    f"{what}: the API server does not accept the credentials of {self._target.source}",
                    hint="kubectl auth whoami; a token may have expired",
                    reason="unauthorized",
                )
            case 403:
                return FleetError(
                    f"{what}: {said}",
                    hint=f"a Role in namespace {self._namespace} must allow the verb list on pods",
                    reason="forbidden",
                )
            case status:
                temporary = status == 429 or status >= 500
                return FleetError(f"{what}: {status} {said}", hint=self.hint, temporary=temporary)


def _items(reply: Reply, name: str) -> Sequence[Any]:
    try:
        listing = json.loads(reply.body)
        items = listing["items"]
    except (ValueError, KeyError, TypeError) as exc:
        raise FleetError(
            f"{name} did not answer with a list of pods", hint="is it the address of a Kubernetes API server?"
        ) from exc
    return items if isinstance(items, list) else ()
