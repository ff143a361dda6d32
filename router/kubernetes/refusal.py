"""Why an API server does not connect to a pod, in words that can be acted on. Pure."""

from __future__ import annotations

import re
from typing import Literal

from router.errors import DialError
from router.kubernetes.api import status_message
from router.kubernetes.websocket import Pod
from router.net.http1 import Reply

__all__ = ["Subresource", "refused"]

Subresource = Literal["pods/exec", "pods/portforward"]

_WANTED = {"pods/exec": "run a command in", "pods/portforward": "forward a port to"}
# As the RBAC authorizer words it.
_LACKING = re.compile(r'User "(?P<user>[^"]+)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)"')


def refused(pod: Pod, resource: Subresource, reply: Reply) -> DialError:
    """Return the error for an answer that is no upgrade. ``reason`` says what kind of refusal it is.

    A right holds for a namespace, so that the error for a missing one names no pod: it is the same for all.
    """
    said = status_message(reply)
    what = f"can't {_WANTED[resource]} {pod}"
    match reply.status:
        case 401:
            return DialError(
                f"{what}: the API server does not accept the credentials",
                hint=pod.api.credentials_hint,
                reason="unauthorized",
            )
        case 403 if reply.body:
            return _forbidden(pod.namespace, resource, said)
        case 403:
            # Without a Status it is not about rights: a kubelet that does not know the WebSocket protocol.
            return DialError(f"{what}: it speaks another WebSocket protocol", reason="protocol")
        case 404:
            return DialError(f"{pod} does not exist: {said}", reason="no-pod", temporary=True)
        case 400 if "container" in said:
            return DialError(
                f"{what}: {said}",
                hint="name another one: --container, or container= in the address",
                reason="container",
            )
        case status:
            return DialError(f"{what}: {status} {said}", reason="refused", temporary=status >= 500)


def _forbidden(namespace: str, resource: str, said: str) -> DialError:
    lacking = _LACKING.search(said)
    who = f"user {lacking['user']} can't {lacking['verb']} it" if lacking else said.rstrip(": ")
    return DialError(
        f"{resource} is forbidden in namespace {namespace}: {who}",
        hint=f"a Role in namespace {namespace} must allow the verbs create and get on {resource}",
        reason="forbidden",
    )
