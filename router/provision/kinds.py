"""The kinds of objects that a fleet consists of, and where the API server has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from router.model.frozen import frozen

__all__ = ["CLAIM", "EVENT", "KINDS", "NODE", "POD", "Kind"]


@frozen
class Kind:
    """A kind of object; ``group`` is empty for the core's."""

    name: str
    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True

    @property
    def resource(self) -> str:
        """The resource's name in a right."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str, name: str = "") -> str:
        """Return the path of an object, or of all in a namespace."""
        start = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        within = f"/namespaces/{quote(namespace)}" if self.namespaced else ""
        return f"{start}{within}/{self.plural}" + (f"/{quote(name)}" if name else "")


_RBAC = "rbac.authorization.k8s.io"

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(name="StatefulSet", plural="statefulsets", group="apps"),
        Kind(name="DaemonSet", plural="daemonsets", group="apps"),
        Kind(name="PodDisruptionBudget", plural="poddisruptionbudgets", group="policy"),
        Kind(name="Service", plural="services"),
        Kind(name="NetworkPolicy", plural="networkpolicies", group="networking.k8s.io"),
        Kind(name="RoleBinding", plural="rolebindings", group=_RBAC),
        Kind(name="Role", plural="roles", group=_RBAC),
        Kind(name="ServiceAccount", plural="serviceaccounts"),
        Kind(name="ConfigMap", plural="configmaps"),
        Kind(name="Secret", plural="secrets"),
        Kind(name="Namespace", plural="namespaces", namespaced=False),
    )
}

POD = Kind(name="Pod", plural="pods")
CLAIM = Kind(name="PersistentVolumeClaim", plural="persistentvolumeclaims")
EVENT = Kind(name="Event", plural="events")
NODE = Kind(name="Node", plural="nodes", namespaced=False)
