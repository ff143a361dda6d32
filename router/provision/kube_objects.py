"""Objects of an API server: read, applied, scaled, deleted, with the package kubernetes.

The one place that imports it: it takes a third of a second and is in an extra. Where the server is and who we
are there is read as for builds (`router.kubernetes`), and requests are sent as theirs are, so that both go to
the same place and withstand the same; the package gets neither a connection, nor a kubeconfig, nor files with
keys, nor discovery, which it would keep in a file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import kubernetes
import kubernetes.dynamic

from router.closing import Closing
from router.errors import DialError, FleetError
from router.kubernetes.api import KubeApi
from router.kubernetes.config import KubeTarget
from router.kubernetes.credentials import PluginAnswers
from router.provision.kinds import Kind
from router.provision.kube_transport import KubeTransport
from router.provision.manifests import Object
from router.untrusted_json import NotJSONError, elements, member, read_json, text

__all__ = ["FIELD_MANAGER", "KubeObjects"]

# Who a field belongs to, in the objects' managedFields.
FIELD_MANAGER = "warmroute"

# Of one kind, by its labels: of some each takes a request.
_MOST_LISTED = 5000
# What is in no message of a server that means well: a terminal would obey it, and may show nothing of it.
_HOSTILE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_REASONS = {401: "unauthorized", 403: "forbidden", 404: "missing", 409: "conflict", 422: "invalid"}


class KubeObjects(Closing):
    """The ``Objects`` of one namespace; a context manager."""

    def __init__(self, target: KubeTarget, environment: Mapping[str, str], namespace: str) -> None:
        self.target = target
        self.namespace = namespace
        self._api = KubeApi(target, environment, PluginAnswers())
        package: Any = kubernetes  # half of it is annotated
        configuration = package.client.Configuration()
        configuration.host = ""  # KubeTransport knows the server
        self._client = package.client.ApiClient(configuration)
        self._client.rest_client.pool_manager = KubeTransport(self._api)
        self._requests = package.dynamic.DynamicClient(self._client, discoverer=_no_discovery)

    def close(self) -> None:
        """Close its connections."""
        self._client.rest_client.pool_manager.clear()

    def get(self, kind: Kind, name: str) -> Object | None:
        """Return an object, None where there is none."""
        try:
            return self._ask("get", kind.path(self.namespace, name), f"read {kind.name} {name}")
        except FleetError as exc:
            if exc.reason == "missing":
                return None
            raise

    def list(self, kind: Kind, *, labels: str = "", fields: str = "") -> Sequence[Object]:
        """Return the objects that selectors name."""
        query = [
            (key, value) for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value
        ]
        found = self._ask("get", kind.path(self.namespace), f"list {kind.plural}", query=query)
        listed = elements(found, "items")
        if len(listed) > _MOST_LISTED:
            raise FleetError(f"can't list {kind.plural}: there are more than {_MOST_LISTED}")
        return [each for each in listed if isinstance(each, dict)]

    def apply(self, kind: Kind, wanted: Object, *, force: bool = False) -> Object:
        """Put an object there by server-side apply; ``force`` takes fields that others have set."""
        name = wanted["metadata"]["name"]
        return self._ask(
            "patch",
            kind.path(self.namespace, name),
            f"apply {kind.name} {name}",
            query=[("fieldManager", FIELD_MANAGER), ("force", "true" if force else "false")],
            body=wanted,
            content_type="application/apply-patch+yaml",
        )

    def scale(self, kind: Kind, name: str, replicas: int) -> None:
        """Set how many pods something has."""
        self._ask(
            "patch",
            f"{kind.path(self.namespace, name)}/scale",
            f"scale {kind.name} {name}",
            query=[("fieldManager", FIELD_MANAGER)],
            body={"spec": {"replicas": replicas}},
            content_type="application/merge-patch+json",
        )

    def delete(self, kind: Kind, name: str) -> bool:
        """Delete an object, its pods after it; say whether there was one."""
        body = {"propagationPolicy": "Background"}
        try:
            self._ask("delete", kind.path(self.namespace, name), f"delete {kind.name} {name}", body=body)
        except FleetError as exc:
            if exc.reason != "missing":
                raise
            return False
        return True

    def allows(self, verb: str, kind: Kind, subresource: str = "") -> bool:
        """Ask the server whether we have a right, as `kubectl auth can-i` does."""
        wanted = {"verb": verb, "group": kind.group, "resource": kind.plural, "subresource": subresource}
        if kind.namespaced:
            wanted["namespace"] = self.namespace
        review = self._ask(
            "post",
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
            "ask for our rights",
            body={
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectAccessReview",
                "spec": {"resourceAttributes": wanted},
            },
        )
        return member(review, "status", "allowed") is True

    def _ask(  # noqa: PLR0913 -- they are what a request consists of
        self,
        method: str,
        path: str,
        what: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        """Send a request, and return the object in the answer. ``what`` it does is for the error."""
        package: Any = kubernetes
        try:
            reply = self._requests.request(
                method,
                path,
                body=body,
                query_params=list(query),
                header_params={"Accept": "application/json"},
                content_type=content_type,
                serialize=False,
            )
        except package.client.ApiException as exc:
            raise self._refused(what, exc.status, exc.body, exc.reason) from exc
        except DialError as exc:
            raise FleetError(f"can't {what}: {exc}", hint=exc.hint, temporary=True) from exc
        try:
            found = read_json(reply.data)
        except NotJSONError as exc:
            raise FleetError(f"can't {what}: {self.target.server} did not answer in JSON") from exc
        return found if isinstance(found, dict) else {}

    def _refused(self, what: str, status: object, body: object, phrase: object) -> FleetError:
        said = ""
        if isinstance(body, str | bytes):
            try:
                said = text(read_json(body), "message")
            except NotJSONError:
                said = ""
        reason = _REASONS.get(status if isinstance(status, int) else 0, "refused")
        hint = "kubectl auth whoami; a token may have expired" if reason == "unauthorized" else None
        said = next((each for each in (said, str(phrase or "")) if each and not _HOSTILE.search(each)), "")
        said = said or f"its answer was {status}"
        return FleetError(f"can't {what}: {said}", hint=hint, reason=reason)


def _no_discovery(_client: object, _cache_file: object) -> None:
    """Stand in for the package's own discovery: we know the paths."""
