"""The connection that is kept for the next request, and credentials on the wire."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from router import BuildRouter, RouterConfig
from router.errors import FleetError, RouterError, UsageError
from router.kubernetes.api import KubeApi
from router.kubernetes.clients import KubeClients
from router.kubernetes.config import KubeSource, KubeTarget
from router.net.deadline import Deadline
from router.placement.key import Key
from tests.wire.transport.api_server import ApiServer, http
from tests.wire.transport.peers import peer, unused_port

EMPTY = http("200 OK", {"items": []})


@pytest.mark.parametrize("server", ["ftp://k", "https://", "https://k:port", "https://[::1"])
def test_a_server_that_is_no_url_leaves_nothing_behind(server: str) -> None:
    with pytest.raises(UsageError, match="is not a URL"):
        KubeApi(KubeTarget(server=server, namespace="ci", source="config"), {})
    gc.collect()  # a finalizer that fails would be a warning, and so an error


def test_closing_the_clients_closes_the_connection_that_is_kept(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, reply=EMPTY)
    with peer(server.secure()) as port, KubeClients() as clients:
        api = clients.api(KubeSource(environment={}, kubeconfig=server.kubeconfig(port)))
        connection = api.connect(Deadline(5))
        api.keep(connection)
        clients.close()
        assert connection.socket.fileno() == -1
        clients.close()


def test_a_router_keeps_no_connection_after_it_listed(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, reply=EMPTY)
    with peer(server.secure()) as port:
        config = RouterConfig(selector="app=b", kubeconfig=server.kubeconfig(port))
        router = BuildRouter(config, environment={})
        (api,) = {id(api): api for _ in range(2) if (api := listed(router))}.values()
        assert api._take_idle() is None
        with router:
            router.fleet.daemons()
        assert api._take_idle() is None


def listed(router: BuildRouter) -> KubeApi:
    """List the fleet, and return the API server that was asked."""
    router.routes([Key(key="k", rule="key")])
    (api,) = set(router._kube._apis.values())
    return api


def test_many_threads_share_the_clients(tmp_path: Path) -> None:
    server = ApiServer(tmp_path, reply=EMPTY)
    with peer(server.secure()) as port, KubeClients() as clients:
        source = KubeSource(environment={}, kubeconfig=server.kubeconfig(port))

        def use(_number: int) -> int:
            api = clients.api(source)
            with api.connect(Deadline(20)) as connection:
                status = connection.get("/version", (), Deadline(20)).status
                api.keep(connection)
            clients.close()
            return status

        with ThreadPoolExecutor(16) as threads:
            assert set(threads.map(use, range(64))) == {200}
        assert len({id(clients.api(source)) for _ in range(4)}) == 1


def test_the_hint_for_a_server_that_is_away_speaks_of_the_server(tmp_path: Path) -> None:
    path = ApiServer(tmp_path).kubeconfig(unused_port())
    with (
        BuildRouter(RouterConfig(selector="app=b", kubeconfig=path), environment={}) as router,
        pytest.raises(RouterError, match="connection refused") as caught,
    ):
        router.fleet.daemons()

    assert caught.value.hint == "check the port, and that the API server is listening there"


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "400 Bad Request"])
def test_a_server_without_tls_gets_no_token_and_that_is_said(tmp_path: Path, status: str) -> None:
    server = ApiServer(tmp_path, reply=http(status, {"message": "system:anonymous may not"}))
    with peer(server.handle) as port:
        path = Path(server.kubeconfig(port))
        config = yaml.safe_load(path.read_text())
        config["clusters"][0]["cluster"] = {"server": f"127.0.0.1:{port}"}
        config["users"][0]["user"] = {"token": "sesame", "as": "jane"}
        path.write_text(yaml.safe_dump(config))
        with (
            BuildRouter(RouterConfig(selector="app=b", kubeconfig=str(path)), environment={}) as router,
            pytest.raises(FleetError) as caught,
        ):
            router.fleet.daemons()

    (head,) = server.heads
    assert "sesame" not in head
    assert "Impersonate-User: jane" in head
    assert f"like kubectl, warmroute sends no credentials over http://: should the server in {path}" in str(
        caught.value.hint
    )
