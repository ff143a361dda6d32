"""The way to an API server: the kubeconfig, the server's clock, and the rights that reaching pods takes.

Rights are asked for as ``kubectl auth can-i`` does, by a SelfSubjectAccessReview for each. Every account that
is known to a cluster may ask, unless its administrator took that away.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime

from router.config import RouterConfig
from router.errors import RouterError
from router.kubernetes.api import KubeApi, status_message
from router.kubernetes.clients import KubeClients
from router.kubernetes.config import KubeSource
from router.model.address import KubePodAddress
from router.model.frozen import frozen
from router.net.deadline import Deadline
from router.notation.quoting import quoted
from router.operations.doctor.finding import Finding
from router.transport.options import DialOptions
from router.untrusted_json import NotJSONError, member, read_json, text

__all__ = ["Review", "Right", "check_access", "judge_rights", "skew_of"]

_REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
# Seconds: what certificates and tokens are allowed to be off is a minute or so.
_SKEWED = 30.0


@frozen
class Right:
    """A verb on a resource of Kubernetes, such as ``create`` on ``pods/exec``."""

    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


@frozen
class Review:
    """What an API server says of a right. ``allowed`` None: it could not be asked, and ``error`` says why;
    ``date`` is the server's clock."""

    right: Right
    allowed: bool | None
    error: str = ""
    date: str = ""


_LIST = Right(resource="pods", verb="list")
_WATCH = Right(resource="pods", verb="watch")
# What each way takes, besides the list.
_OF_WAYS = {
    "exec": (Right(resource="pods/exec", verb="create"), Right(resource="pods/exec", verb="get")),
    "port-forward": (
        Right(resource="pods/portforward", verb="create"),
        Right(resource="pods/portforward", verb="get"),
    ),
}


def check_access(config: RouterConfig, options: DialOptions) -> Iterator[Finding]:
    """Check the rights that a fleet of pods needs; a fleet of addresses needs none."""
    if not (config.selector or any(isinstance(address, KubePodAddress) for _, address in config.addresses)):
        return
    source = KubeSource(
        environment=options.environment, kubeconfig=options.kubeconfig, context=options.kube_context
    )
    try:
        api = (options.kube or KubeClients()).api(source)
    except RouterError as exc:
        tried = "read the kubeconfig"
        yield Finding(
            check="kubeconfig", level="problem", tried=tried, result=str(exc), advice=exc.hint or ""
        )
        return
    target = api.target
    where = f"context {target.context}" if target.context else "the pod's service account"
    namespace = config.namespace or target.namespace
    yield Finding(
        check="kubeconfig",
        level="ok",
        subject=target.source,
        tried=f"read {target.source}",
        result=f"{where}, namespace {namespace}, server {target.server}",
    )
    rights = (_LIST, _WATCH, *(right for way in _OF_WAYS.values() for right in way))
    began = time.time()
    with ThreadPoolExecutor(len(rights), "rights") as pool:
        answers = list(pool.map(lambda right: _ask(api, namespace, right, options.timeout), rights))
    lasted = time.time() - began
    yield from judge_rights(config, namespace, answers, in_cluster=target.in_cluster)
    if date := next((answer.date for answer in answers if answer.date), ""):
        yield skew_of(date, began, lasted)


def judge_rights(
    config: RouterConfig, namespace: str, answers: Sequence[Review], *, in_cluster: bool
) -> Iterator[Finding]:
    """Say which rights are missing, and of those which are needed for the way that was chosen."""
    allowed = {answer.right: answer.allowed for answer in answers}
    errors = {answer.error for answer in answers if answer.allowed is None}
    tried = f"asked the API server for each right in namespace {namespace} (SelfSubjectAccessReview)"
    if errors:
        yield Finding(
            check="rights",
            level="note" if any(allowed.values()) else "problem",
            tried=tried,
            result=f"can't ask: {'; '.join(sorted(errors))}",
            advice="kubectl auth can-i --list shows what this account is allowed",
        )
        return
    ways = {way: [right for right in rights if not allowed[right]] for way, rights in _OF_WAYS.items()}
    open_ways = [way for way, lacking in ways.items() if not lacking]
    wanted = _wanted(config, open_ways, in_cluster=in_cluster)
    missing = [*([] if allowed[_LIST] or not config.selector else [_LIST])]
    missing += [right for way in wanted for right in ways.get(way, ())]
    if missing:
        yield Finding(
            check="rights",
            level="problem",
            tried=tried,
            result=f"missing in namespace {namespace}: {', '.join(map(str, missing))}",
            advice=_rule(missing, namespace),
        )
    else:
        ways_said = " and ".join(open_ways) or "the pods' IPs"
        yield Finding(check="rights", level="ok", tried=tried, result=f"pods can be reached by {ways_said}")
    if config.wait and not allowed[_WATCH]:
        yield Finding(
            check="rights",
            level="note",
            tried=tried,
            result="--wait lists again and again: this account can't watch pods",
            advice=_rule([_WATCH], namespace),
        )


def _wanted(config: RouterConfig, open_ways: Sequence[str], *, in_cluster: bool) -> Sequence[str]:
    """Return the ways whose rights must be there."""
    match config.via:
        case "auto" if open_ways or in_cluster:
            return ()
        case "auto":
            return ("exec",)  # the one that works for most
        case "pod-ip":
            return ()
        case way:
            return (way,)


def skew_of(date: str, began: float, lasted: float) -> Finding:
    """Compare an API server's clock, which has whole seconds, with ours; unknown by the time it took."""
    tried = "read the Date of the API server's answer"
    try:
        theirs = parsedate_to_datetime(date).timestamp()
    except ValueError:
        return Finding(check="clock", level="note", tried=tried, result=f"not a date: {quoted(date)}")
    # Its second began at most one second before it answered, and it answered while we waited.
    ahead, behind = theirs - (began + lasted), began - (theirs + 1)
    apart = max(ahead, behind, 0.0)
    precision = f"to within {1 + lasted:.1f} s"
    if apart < _SKEWED:
        return Finding(
            check="clock", level="ok", tried=tried, result=f"the API server's is ours, {precision}"
        )
    side = "ahead of" if ahead > behind else "behind"
    return Finding(
        check="clock",
        level="problem",
        tried=tried,
        result=f"the API server's is {apart:.0f} s {side} ours ({precision}): tokens and certificates fail",
        advice="set this machine's clock by NTP: timedatectl set-ntp true",
    )


def _ask(api: KubeApi, namespace: str, right: Right, timeout: float) -> Review:
    resource, _, subresource = right.resource.partition("/")
    attributes = {"namespace": namespace, "verb": right.verb, "resource": resource}
    if subresource:
        attributes["subresource"] = subresource
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    try:
        reply = api.post(_REVIEW, json.dumps(review).encode(), Deadline(timeout))
    except RouterError as exc:
        return Review(right=right, allowed=None, error=str(exc))
    date = reply.headers.get("date", "")
    if reply.status != 201:
        error = f"{reply.status} {status_message(reply)}"
        return Review(right=right, allowed=None, error=error, date=date)
    try:
        answer = read_json(reply.body)
    except NotJSONError as exc:
        return Review(right=right, allowed=None, error=f"the answer {exc}", date=date)
    allowed = member(answer, "status", "allowed") is True
    return Review(right=right, allowed=allowed, error=text(answer, "status", "evaluationError"), date=date)


def _rule(rights: Sequence[Right], namespace: str) -> str:
    """Return the lines of a Role that give the rights."""
    verbs: dict[str, list[str]] = {}
    for right in rights:
        verbs.setdefault(right.resource, []).append(right.verb)
    lines = [f"add to a Role in namespace {namespace}:"]
    lines += [
        f'- {{apiGroups: [""], resources: [{resource}], verbs: [{", ".join(names)}]}}'
        for resource, names in verbs.items()
    ]
    return "\n".join(lines)
