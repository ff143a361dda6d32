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
from router.provision.spec import FleetSpec

if TYPE_CHECKING:
    from router.provision.kube_objects import KubeObjects

__all__ = ["fleet_namespace", "fleet_settings", "open_cluster"]


def fleet_namespace(config: RouterConfig, environment: Mapping[str, str] | None = None) -> str:
    """Return the namespace that a config means, the kubeconfig's where it names none. Raises UsageError."""
    if config.namespace:
        return config.namespace
    try:
        return _target(config, current_environment() if environment is None else environment).namespace
    except UsageError as exc:
        hints = filter(None, (exc.hint, "to print the manifests, --namespace is enough"))
        raise UsageError(str(exc), hint="; ".join(hints)) from exc


def fleet_settings(
    config: RouterConfig, spec: FleetSpec, environment: Mapping[str, str] | None = None
) -> Mapping[str, str]:
    """Return what a configuration file says of a fleet; the context too, since the current one may change."""
    target = _target(config, current_environment() if environment is None else environment)
    found = {
        "selector": spec.selector,
        "namespace": spec.namespace,
        "kube-context": target.context,
        "kubeconfig": os.path.abspath(config.kubeconfig) if config.kubeconfig else "",
    }
    return {key: value for key, value in found.items() if value}


def open_cluster(config: RouterConfig, environment: Mapping[str, str] | None = None) -> KubeObjects:
    """Return the objects of the config's namespace, for `bring_up` and its like; the caller closes it.

    Raises ``UsageError``, and ``ToolError`` without the package kubernetes.
    """
    environment = current_environment() if environment is None else environment
    target = _target(config, environment)
    try:
        from router.provision.kube_objects import KubeObjects
    except ImportError as exc:
        raise ToolError(
            f"warmroute fleet needs the package kubernetes: {exc}",
            hint=f"{install_line('kubernetes')}; with --print kubectl can apply what it would",
        ) from exc
    return KubeObjects(target, environment, config.namespace or target.namespace)


def _target(config: RouterConfig, environment: Mapping[str, str]) -> KubeTarget:
    return load_target(
        KubeSource(environment=environment, kubeconfig=config.kubeconfig, context=config.kube_context)
    )
