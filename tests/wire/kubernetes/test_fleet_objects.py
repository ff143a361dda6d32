"""The objects of a fleet, asked of API servers that a real one can't be made to be."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from router.config import RouterConfig
from router.errors import DialError, FleetError
from router.kubernetes.api import KubeApi
from router.provision.cluster import find_cluster, open_cluster
from router.provision.kinds import POD
from router.provision.kube_transport import KubeTransport
from tests.hostile.web import ANSWERS, Answer, body
from tests.wire.transport.api_server import ApiServer
from tests.wire.transport.peers import peer as listening
from tests.wire.transport.peers import read_head

HOME = {"HOME": "/nonexistent"}


@contextmanager
def answering(answer: Answer, directory: Path, heads: list[bytes]) -> Iterator[RouterConfig]:
    def serve(connection: socket.socket) -> None:
        while b"HTTP/1.1" in (head := read_head(connection)):
            heads.append(head)
            for data in answer():
                connection.sendall(data)

    with listening(serve) as port:
        kubeconfig = ApiServer(directory).kubeconfig(port, scheme="http")
        yield RouterConfig(kubeconfig=kubeconfig, namespace="n")


def test_what_the_package_asks_for_is_asked_for_as_builds_ask(tmp_path: Path) -> None:
    heads: list[bytes] = []
    with (
        answering(body(b'{"items": [{"kind": "Pod"}]}'), tmp_path, heads) as config,
        open_cluster(find_cluster(config, HOME)) as objects,
    ):
        assert objects.list(POD, labels="app=ci") == [{"kind": "Pod"}]

    assert heads[0].startswith(b"GET /api/v1/namespaces/n/pods?labelSelector=app%3Dci HTTP/1.1\r\n")
    assert b"accept-encoding" not in heads[0].lower()


def test_an_answer_that_comes_byte_by_byte_has_a_deadline(tmp_path: Path) -> None:
    with answering(ANSWERS["chunks of one byte without end"], tmp_path, []) as config:
        api = KubeApi(find_cluster(config, HOME).target, HOME)
        begun = time.monotonic()
        with pytest.raises(DialError, match="no answer from the Kubernetes API server"):
            KubeTransport(api, within=0.5).request("GET", "/api")

    assert time.monotonic() - begun < 5


def test_a_server_that_is_not_there_is_named_in_words(tmp_path: Path) -> None:
    with answering(body(b""), tmp_path, []) as config:
        cluster = find_cluster(config, HOME)
    with open_cluster(cluster) as objects, pytest.raises(FleetError) as caught:
        objects.list(POD)

    assert "can't list pods: " in str(caught.value)
    assert "refused" in str(caught.value)
    assert "urllib3" not in str(caught.value)


def test_more_objects_than_a_fleet_has_are_refused(tmp_path: Path) -> None:
    with (
        answering(body(b'{"items": [' + b"{}," * 5000 + b"{}]}"), tmp_path, []) as config,
        open_cluster(find_cluster(config, HOME)) as objects,
        pytest.raises(FleetError, match="more than 5000"),
    ):
        objects.list(POD)
