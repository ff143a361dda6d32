"""Listing pods from an API server that misbehaves. The real one is in tests/e2e."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.errors import FleetError, UsageError
from router.fleet import FleetOptions
from router.fleet.kubernetes import KubernetesFleet
from tests.wire.transport.api_server import ApiServer, http
from tests.wire.transport.peers import drain, peer, unused_port

POD = {
    "metadata": {"name": "b-0", "namespace": "ci", "labels": {"app": "b"}},
    "spec": {"containers": [{"name": "buildkitd", "ports": [{"containerPort": 1234}]}]},
    "status": {"podIP": "10.0.0.7", "conditions": [{"type": "Ready", "status": "True"}]},
}


@contextmanager
def fleet(server: ApiServer, **changes: object) -> Iterator[KubernetesFleet]:
    """Yield a fleet on this server."""
    with peer(server.secure()) as port:
        options = {"selector": "app in (b, c)", "timeout": 5.0, "kubeconfig": server.kubeconfig(port)}
        yield KubernetesFleet(FleetOptions(**(options | changes)))  # type: ignore[arg-type]


def test_pods_become_daemons_by_one_request(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, reply=http("200 OK", {"items": [POD]}))
    with fleet(server) as pods:
        daemons = pods.daemons()
    assert [str(daemon.address) for daemon in daemons] == [
        "kube-pod://b-0?namespace=ci&context=test&container=buildkitd"
    ]
    assert [head.split("\r\n")[0] for head in server.heads] == [
        "GET /api/v1/namespaces/ci/pods?labelSelector=app%20in%20%28b%2C%20c%29 HTTP/1.1"
    ]


def test_pod_ips_are_used_outside_a_cluster_only_when_asked_for(tmp_path: Path) -> None:
    with fleet(ApiServer(tmp_path, reply=http("200 OK", {"items": [POD]})), pod_ip=True) as pods:
        assert [str(daemon.address) for daemon in pods.daemons()] == [
            "kube-pod://b-0?namespace=ci&context=test&container=buildkitd&ip=10.0.0.7"
        ]


def test_a_fleet_describes_itself_and_says_how_to_see_it(tmp_path: Path) -> None:
    with fleet(ApiServer(tmp_path), namespace="other", kube_context="test") as pods:
        assert pods.describe() == "buildkitd pods matching app in (b, c) in namespace other"
        assert pods.hint == "kubectl get pods --context test -n other -l 'app in (b, c)'"


def test_no_pod_is_an_empty_fleet(tmp_path: Path) -> None:
    with fleet(ApiServer(tmp_path, reply=http("200 OK", {"items": []}))) as pods:
        assert pods.daemons() == ()


def test_a_forbidden_list_names_the_right_that_is_missing(tmp_path: Path) -> None:
    body = {"message": 'User "jane" cannot list resource "pods"'}
    with (
        fleet(ApiServer(tmp_path, reply=http("403 Forbidden", body))) as pods,
        pytest.raises(FleetError, match='User "jane" cannot list') as caught,
    ):
        pods.daemons()
    assert caught.value.hint == "a Role in namespace ci must allow the verb list on pods"
    assert caught.value.reason == "forbidden"


def test_credentials_that_are_not_accepted_name_where_they_came_from(tmp_path: Path) -> None:
    with (
        fleet(ApiServer(tmp_path, reply=http("401 Unauthorized", {"message": "Unauthorized"}))) as pods,
        pytest.raises(FleetError, match="does not accept the credentials of"),
    ):
        pods.daemons()


def test_a_malformed_selector_is_a_usage_error(tmp_path: Path) -> None:
    body = {"message": "unable to parse requirement"}
    with (
        fleet(ApiServer(tmp_path, reply=http("400 Bad Request", body))) as pods,
        pytest.raises(UsageError, match="unable to parse requirement"),
    ):
        pods.daemons()


def test_an_api_server_in_trouble_is_asked_again(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, reply=http("503 Service Unavailable", {"message": "etcd is gone"}))
    with fleet(server) as pods, pytest.raises(FleetError, match="503 etcd is gone"):
        pods.daemons()
    assert len(server.heads) == 3


@pytest.mark.parametrize("body", [[], {}, "text"])
def test_an_answer_that_is_no_list_is_told(tmp_path: Path, body: object) -> None:
    with (
        fleet(ApiServer(tmp_path, reply=http("200 OK", body))) as pods,
        pytest.raises(FleetError, match="did not answer with a list of pods"),
    ):
        pods.daemons()


def test_an_api_server_that_refuses_is_named(tmp_path: Path) -> None:
    port = unused_port()
    options = FleetOptions(selector="app=b", kubeconfig=ApiServer(tmp_path).kubeconfig(port))
    with pytest.raises(FleetError, match=f"https://127.0.0.1:{port}: connection refused"):
        KubernetesFleet(options).daemons()


def test_a_silent_api_server_is_given_up_at_the_deadline_and_not_asked_again(tmp_path: Path) -> None:
    with peer(drain) as port:
        path = ApiServer(tmp_path).kubeconfig(port)
        options = FleetOptions(selector="app=b", timeout=0.3, kubeconfig=path)
        started = time.monotonic()
        with pytest.raises(FleetError, match="it stayed silent"):
            KubernetesFleet(options).daemons()
        assert time.monotonic() - started < 2


def test_an_empty_selector_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="empty"):
        KubernetesFleet(FleetOptions(selector=""))
