"""Which cluster and namespace a fleet is in, and a connection to it.

What connects is loaded here and nowhere else: it takes the package kubernetes, which is in an extra.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from router.config import RouterConfig
from router.config import environment as current_environment
from router.errors import ToolError, UsageError
from router.extras import install_line
from router.kubernetes.config import KubeSource, KubeTarget, load_target
from router.model.frozen import field, frozen
from router.once import is_one_time, own_descriptor
from router.provision.spec import FleetSpec

if TYPE_CHECKING:
    from router.provision.kube_objects import KubeObjects

__all__ = ["FleetCluster", "find_cluster", "fleet_namespace", "fleet_settings", "open_cluster"]


@frozen
class FleetCluster:
    """A cluster as a kubeconfig tells of it, and the namespace in it. Nothing of it is read again.

    ``kubeconfig`` is the file that was named, an empty text where none was. It is not ``lasting`` where
    nobody else can read it, nor anybody later: a pipe, a descriptor of this process.
    """

    target: KubeTarget
    namespace: str
    kubeconfig: str
    lasting: bool
    environment: Mapping[str, str] = field(repr=False)


def find_cluster(config: RouterConfig, environment: Mapping[str, str] | None = None) -> FleetCluster:
    """Read which cluster a config means. Raises ``UsageError``."""
    environment = current_environment() if environment is None else environment
    kubeconfig = config.kubeconfig or ""
    target = load_target(
        KubeSource(environment=environment, kubeconfig=config.kubeconfig, context=config.kube_context)
    )
    return FleetCluster(
        target=target,
        namespace=config.namespace or target.namespace,
        kubeconfig=kubeconfig,
        lasting=not (kubeconfig and (is_one_time(kubeconfig) or own_descriptor(kubeconfig) is not None)),
        environment=environment,
    )


def fleet_namespace(config: RouterConfig, environment: Mapping[str, str] | None = None) -> str:
    """Return the namespace that a config means, the kubeconfig's where it names none. Raises UsageError."""
    if config.namespace:
        return config.namespace
    try:
        return find_cluster(config, environment).namespace
    except UsageError as exc:
        hints = filter(None, (exc.hint, "to print the manifests, --namespace is enough"))
        raise UsageError(str(exc), hint="; ".join(hints)) from exc


def fleet_settings(cluster: FleetCluster, spec: FleetSpec) -> Mapping[str, str]:
    """Return what a configuration file says of a fleet; the context too, since the current one may change."""
    found = {
        "selector": spec.selector,
        "namespace": spec.namespace,
        "kube-context": cluster.target.context,
        "kubeconfig": os.path.abspath(cluster.kubeconfig) if cluster.kubeconfig else "",
    }
    return {key: value for key, value in found.items() if value}


def open_cluster(cluster: FleetCluster) -> KubeObjects:
    """Return the objects of the cluster's namespace, for `bring_up` and its like; the caller closes it.

    Raises ``ToolError`` without the package kubernetes.
    """
    try:
        from router.provision.kube_objects import KubeObjects
    except ImportError as exc:
        raise ToolError(
            f"warmroute fleet needs the package kubernetes: {exc}",
            hint=f"{install_line('kubernetes')}; with --print kubectl can apply what it would",
        ) from exc
    return KubeObjects(cluster.target, cluster.environment, cluster.namespace)
