"""Asking the API server for pods: a list of them, and the StatefulSets they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from router.errors import DialError, FleetError, UsageError
from router.kubernetes.api import KubeApi, KubeConnection, status_message
from router.kubernetes.members import StatefulSet, read_stateful_set, stateful_sets
from router.kubernetes.pod_list import PodList
from router.model.frozen import frozen
from router.net.deadline import Deadline
from router.net.http1 import Reply
from router.untrusted_json import NotJSONError, read_json

__all__ = ["Asked", "Found", "find_pods", "refused", "unanswered"]

_JSON = (("Accept", "application/json"),)
# Pods are alike: a large list is a sixteenth of its size, which even on loopback is no slower.
_PACKED = (*_JSON, ("Accept-Encoding", "gzip"))
_MOST_UNPACKED = 1 << 26
# Seconds for what is good to know, and no more.
_FOR_MEMBERS = 2.0


@frozen
class Asked:
    """Which pods are asked for; ``kube_context`` None is the kubeconfig's own."""

    namespace: str
    selector: str
    kube_context: str | None = None

    @property
    def fleet(self) -> str:
        """The pods, within a sentence."""
        return f"buildkitd pods matching {self.selector} in namespace {self.namespace}"

    @property
    def hint(self) -> str:
        """The kubectl command that lists the same pods."""
        from shlex import join  # nothing else of a build needs it

        context = ["--context", self.kube_context] if self.kube_context else []
        return join(["kubectl", "get", "pods", *context, "-n", self.namespace, "-l", self.selector])

    def path(self, **more: str) -> str:
        """Return the path of the list, or with ``watch`` of what changes in it."""
        query = {"labelSelector": self.selector, **more}
        fields = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return f"/api/v1/namespaces/{quote(self.namespace)}/pods?{fields}"

    def stateful_set(self, name: str) -> str:
        """Return the path of a StatefulSet."""
        return f"/apis/apps/v1/namespaces/{quote(self.namespace)}/statefulsets/{quote(name)}"


@frozen
class Found:
    """The pods, and those of their StatefulSets that could be read."""

    pods: PodList
    known: Mapping[str, StatefulSet]


def find_pods(api: KubeApi, asked: Asked, deadline: Deadline, *, keep: bool = False) -> Found:
    """List the pods; ``keep`` the connection for more. Raises FleetError, UsageError, ToolError."""
    try:
        with api.connect(deadline) as connection:
            reply = connection.get(asked.path(), _PACKED, deadline)
            if reply.status != 200:
                raise refused(reply, api, asked, "list")
            pods = _read(reply, api)
            found = Found(pods=pods, known=_stateful_sets(connection, pods, asked))
            if keep:
                api.keep(connection)
            return found
    except DialError as exc:
        raise unanswered(exc, asked) from exc


def unanswered(exc: DialError, asked: Asked) -> FleetError:
    """Return the error for an API server that can't be reached."""
    return FleetError(
        f"can't list {asked.fleet}: {exc}", hint=exc.hint, reason=exc.reason, temporary=exc.temporary
    )


def refused(reply: Reply, api: KubeApi, asked: Asked, verb: str) -> FleetError | UsageError:
    """Return the error for an answer that isn't 200."""
    said = status_message(reply)
    what = f"can't {verb} {asked.fleet}"
    match reply.status:
        case 400 if not api.target.secure:
            return FleetError(f"{what}: {said}", hint=api.credentials_hint)
        case 400:
            return UsageError(f"{what}: {said}", hint="a label selector reads like app=buildkitd,tier!=test")
        case 401:
            return FleetError(
                f"{what}: the API server does not accept the credentials of {api.target.source}",
                hint=api.credentials_hint,
                reason="unauthorized",
            )
        case 403:
            role = f"a Role in namespace {asked.namespace} must allow the verb {verb} on pods"
            nobody = "system:anonymous" in said and not api.target.secure
            return FleetError(
                f"{what}: {said}",
                hint=api.credentials_hint if nobody else role,
                reason="forbidden" if verb == "list" else "watch-forbidden",
            )
        case status:
            temporary = status == 429 or status >= 500
            return FleetError(f"{what}: {status} {said}", hint=asked.hint, temporary=temporary)


def _read(reply: Reply, api: KubeApi) -> PodList:
    try:
        return PodList(_unpacked(reply))
    except ValueError as exc:
        raise FleetError(
            f"{api.name} did not answer with a list of pods",
            hint="is it the address of a Kubernetes API server?",
        ) from exc


def _unpacked(reply: Reply) -> bytes:
    """Return the body. Raises ValueError where it is broken, or too large."""
    if reply.headers.get("content-encoding", "identity").lower() != "gzip":
        return reply.body
    import zlib  # small fleets are not packed

    unpacking = zlib.decompressobj(wbits=31)
    try:
        body = unpacking.decompress(reply.body, _MOST_UNPACKED)
    except zlib.error as exc:
        raise ValueError(str(exc)) from exc
    if not unpacking.eof:
        raise ValueError("the packed body has no end, or is too large")
    return body


def _stateful_sets(connection: KubeConnection, pods: PodList, asked: Asked) -> Mapping[str, StatefulSet]:
    """Read the StatefulSets that the pods belong to, as far as that is allowed: builds don't depend on it."""
    deadline = Deadline(_FOR_MEMBERS)
    known: dict[str, StatefulSet] = {}
    for name in stateful_sets(pods.pods):
        try:
            reply = connection.get(asked.stateful_set(name), _JSON, deadline)
            read = read_stateful_set(read_json(reply.body)) if reply.status == 200 else None
        except (DialError, NotJSONError):
            return known
        if read is None:
            return known
        known[name] = read
    return known
