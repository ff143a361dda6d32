"""Why an API server does not connect to a pod, told so that one can act on it."""

from __future__ import annotations

import json

import pytest

from router.kubernetes.api import KubeApi
from router.kubernetes.config import KubeTarget
from router.kubernetes.refusal import refused
from router.kubernetes.websocket import Pod
from router.net.http1 import Reply

TARGET = KubeTarget(server="https://127.0.0.1:6443", namespace="ci", source="kubeconfig")


def pod(name: str = "b-0") -> Pod:
    """Return a pod of no server."""
    return Pod(api=KubeApi(TARGET, {}), namespace="ci", name=name)


def answer(code: int, message: str) -> Reply:
    """Return an API server's answer that is no upgrade."""
    status = {"kind": "Status", "apiVersion": "v1", "message": message, "code": code}
    return Reply(status=code, phrase="", headers={}, body=json.dumps(status).encode())


@pytest.mark.parametrize("resource", ["pods/exec", "pods/portforward"])
def test_a_missing_right_is_told_with_user_verb_resource_and_namespace(resource: str) -> None:
    said = f'pods "b-0" is forbidden: User "jane" cannot create resource "{resource}" in API group ""'
    error = refused(pod(), resource, answer(403, said))  # type: ignore[arg-type]  # one of the two
    assert str(error) == f"{resource} is forbidden in namespace ci: user jane can't create it"
    assert error.hint == f"a Role in namespace ci must allow the verbs create and get on {resource}"
    assert (error.reason, error.temporary) == ("forbidden", False)


def test_a_missing_right_is_the_same_for_every_pod_of_the_namespace() -> None:
    said = 'User "jane" cannot create resource "pods/exec"'
    one, other = (refused(pod(name), "pods/exec", answer(403, said)) for name in ("b-0", "b-1"))
    assert str(one) == str(other)


def test_a_refusal_by_somebody_else_than_the_authorizer_keeps_its_words() -> None:
    error = refused(pod(), "pods/exec", answer(403, 'admission webhook "x" denied the request'))
    assert 'admission webhook "x" denied the request' in str(error)


def test_a_kubelet_that_knows_no_such_protocol_does_not_lack_a_right() -> None:
    error = refused(pod(), "pods/exec", Reply(status=403, phrase="Forbidden", headers={}))
    assert error.reason == "protocol"


def test_a_pod_that_is_gone_may_come_back() -> None:
    error = refused(pod(), "pods/exec", answer(404, 'pods "b-0" not found'))
    assert error.temporary
    assert str(error) == 'pod b-0 in namespace ci does not exist: pods "b-0" not found'


def test_a_wrong_container_says_where_to_name_another() -> None:
    error = refused(pod(), "pods/exec", answer(400, "container x is not valid for pod b-0"))
    assert "--container" in (error.hint or "")


def test_an_api_server_in_trouble_is_temporary() -> None:
    reply = Reply(status=502, phrase="Bad Gateway", headers={}, body=b"<html>\nupstream</html>")
    error = refused(pod(), "pods/portforward", reply)
    assert str(error) == "can't forward a port to pod b-0 in namespace ci: 502 <html> upstream</html>"
    assert error.temporary
