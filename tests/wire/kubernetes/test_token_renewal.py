"""An ID token that has expired, an issuer that renews it, and an API server that wants the new one."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import yaml

from router import BuildRouter, RouterConfig, ToolError, UsageError
from router.kubernetes.config import KubeSource, load_target
from router.kubernetes.renewal import renewed
from tests.servers.certs import CA

_CLIENT = ("warmroute", "client secret")


def id_token(expires: float, number: int = 0) -> str:
    """Return a JWT; the number tells one from the other."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires, "number": number}).encode())
    return f"e30.{claims.decode().rstrip('=')}.c2lnbmF0dXJl"


class Issuer(BaseHTTPRequestHandler):
    """OpenID's discovery and token endpoint, and beside it a Kubernetes API server that knows the tokens."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        if self.path == "/.well-known/openid-configuration":
            self._answer(200, {"token_endpoint": f"{self.server.url}/token"})
        elif self.headers["Authorization"] == f"Bearer {self.server.id_token}":
            self._answer(200, {"items": []})
        else:
            self._answer(401, {"kind": "Status", "message": "Unauthorized"})

    def do_POST(self) -> None:
        asked = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append(asked)
        basic = base64.b64encode(":".join(_CLIENT).encode()).decode()
        if self.headers["Authorization"] != f"Basic {basic}":
            self._answer(401, {"error": "invalid_client"})
        elif asked["refresh_token"] != [self.server.refresh_token]:
            self._answer(400, {"error": "invalid_grant", "error_description": "the token was revoked"})
        else:
            self._answer(200, self.server.renew())

    def log_message(self, *_: object) -> None:
        """Write nothing."""

    def _answer(self, status: int, content: object) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    """Gives each refresh token out once, as most issuers do. ``asked`` has the forms that were posted."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Issuer)
        self.ca = CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.ca.server().write(folder, "issuer"))
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self.server_address[1]}"
        self.asked: list[dict[str, list[str]]] = []
        self.number = 0
        self.lifetime = 3600.0

    @property
    def id_token(self) -> str:
        return id_token(self.expires, self.number)

    @property
    def refresh_token(self) -> str:
        return f"refresh {self.number}"

    def renew(self) -> dict[str, object]:
        self.number += 1
        self.expires = int(time.time() + self.lifetime)
        tokens = {"id_token": self.id_token, "refresh_token": self.refresh_token}
        return {"access_token": "unused", "token_type": "Bearer", "expires_in": self.lifetime, **tokens}

    expires = 1


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[_Server]:
    with serving(tmp_path) as server:
        yield server


@contextmanager
def serving(folder: Path) -> Iterator[_Server]:
    with _Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, name="issuer")
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def kubeconfig(folder: Path, issuer: _Server, **changes: str | None) -> Path:
    """Write a kubeconfig whose ID token has expired."""
    (folder / "issuer.pem").write_bytes(issuer.ca.pem)
    config = {
        "idp-issuer-url": issuer.url,
        "idp-certificate-authority": str(folder / "issuer.pem"),
        "client-id": _CLIENT[0],
        "client-secret": _CLIENT[1],
        "id-token": id_token(1),
        "refresh-token": "refresh 0",
        **changes,
    }
    provider = {"name": "oidc", "config": {key: value for key, value in config.items() if value is not None}}
    ca = base64.b64encode(issuer.ca.pem).decode()
    path = folder / "config"
    content = {
        "apiVersion": "v1",
        "current-context": "ci",
        "contexts": [{"name": "ci", "context": {"cluster": "c", "user": "jane", "namespace": "ci"}}],
        "clusters": [{"name": "c", "cluster": {"server": issuer.url, "certificate-authority-data": ca}}],
        "users": [
            {"name": "joe", "user": {"token": "another's"}},
            {"name": "jane", "user": {"auth-provider": provider}},
        ],
    }
    path.write_text(yaml.safe_dump(content))
    path.chmod(0o640)
    return path


def listed(path: Path, **environment: str) -> int:
    """List the pods that a kubeconfig leads to; return how many there are."""
    config = RouterConfig(selector="app=b", kubeconfig=str(path), connect_timeout=20.0)
    with BuildRouter(config, environment=environment) as router:
        return len(router.fleet.daemons())


def kept(path: Path) -> dict[str, Any]:
    """Return the user's provider as the kubeconfig has it now."""
    users = yaml.safe_load(path.read_text())["users"]
    found: dict[str, Any] = users[1]["user"]["auth-provider"]["config"]
    return found


def test_a_token_that_has_expired_is_renewed_and_kept(tmp_path: Path, issuer: _Server) -> None:
    path = kubeconfig(tmp_path, issuer)
    before = yaml.safe_load(path.read_text())

    assert listed(path) == 0
    assert listed(path) == 0  # another process: the token is read from the file

    assert [form["grant_type"] for form in issuer.asked] == [["refresh_token"]]
    new = {"id-token": issuer.id_token, "refresh-token": "refresh 1"}
    before["users"][1]["user"]["auth-provider"]["config"].update(new)
    assert yaml.safe_load(path.read_text()) == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_public_client_without_an_id_token_is_renewed_too(
    tmp_path: Path, issuer: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.wire.kubernetes.test_token_renewal._CLIENT", ("warmroute", ""))
    ca = base64.b64encode(issuer.ca.pem).decode()
    changes = {"client-secret": None, "id-token": None, "idp-certificate-authority": None}
    path = kubeconfig(tmp_path, issuer, **changes, **{"idp-certificate-authority-data": ca})

    assert listed(path) == 0

    assert kept(path)["id-token"] == issuer.id_token
    assert "client-secret" not in kept(path)


def test_one_router_renews_each_time_that_the_token_expires(tmp_path: Path, issuer: _Server) -> None:
    issuer.lifetime = 5.0  # less than a token needs to be of use
    path = kubeconfig(tmp_path, issuer)
    config = RouterConfig(selector="app=b", kubeconfig=str(path), connect_timeout=20.0)

    with BuildRouter(config, environment={}) as router:
        for _ in range(2):
            assert router.fleet.daemons() == ()

    assert [form["refresh_token"] for form in issuer.asked] == [["refresh 0"], ["refresh 1"]]


def test_what_another_process_has_renewed_is_taken_from_the_file(tmp_path: Path, issuer: _Server) -> None:
    path = kubeconfig(tmp_path, issuer)
    stale = load_target(KubeSource(environment={}, kubeconfig=str(path))).user.provider
    assert stale is not None
    listed(path)

    found = renewed(stale, {}, timeout=20)

    assert found.token == issuer.id_token
    assert len(issuer.asked) == 1


def test_processes_that_start_at_once_use_a_refresh_token_once(tmp_path: Path, issuer: _Server) -> None:
    path = kubeconfig(tmp_path, issuer)

    with ThreadPoolExecutor(4) as pool:  # each with a router of its own, as processes have
        assert list(pool.map(listed, [path] * 4)) == [0] * 4

    assert len(issuer.asked) == 1


def test_a_refresh_token_that_was_revoked_takes_another_login(tmp_path: Path, issuer: _Server) -> None:
    issuer.number = 7
    path = kubeconfig(tmp_path, issuer)
    before = path.read_bytes()

    with pytest.raises(UsageError) as caught:
        listed(path)

    assert str(caught.value) == (
        f'the ID token (auth-provider oidc) of the user "jane" in {path} has expired,'
        " and the issuer refused to renew it: invalid_grant: the token was revoked"
    )
    assert (caught.value.hint or "").startswith("log in again")
    assert path.read_bytes() == before


def test_an_issuer_that_nobody_vouches_for_hears_no_token(tmp_path: Path, issuer: _Server) -> None:
    path = kubeconfig(tmp_path, issuer, **{"idp-certificate-authority": None})

    with pytest.raises(ToolError, match=r"renewing it failed: .*certificate verify failed") as caught:
        listed(path)

    assert caught.value.hint == f"curl -sS {issuer.url}/.well-known/openid-configuration"
    assert issuer.asked == []
    assert "refresh 0" not in str(caught.value)


def test_an_issuer_that_is_silent_is_waited_for_as_long_as_connecting_may_take(
    tmp_path: Path, issuer: _Server
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        path = kubeconfig(tmp_path, issuer, **{"idp-issuer-url": url})
        config = RouterConfig(selector="app=b", kubeconfig=str(path), connect_timeout=3.0)

        with BuildRouter(config, environment={}) as router, pytest.raises(ToolError, match="was not renewed"):
            router.fleet.daemons()


def test_what_else_python_prints_when_it_starts_is_no_part_of_the_answer(
    tmp_path: Path, issuer: _Server
) -> None:
    (tmp_path / "sitecustomize.py").write_text("print('hello', end='')")
    path = kubeconfig(tmp_path, issuer)

    listed(path, PYTHONPATH=str(tmp_path))

    assert kept(path)["refresh-token"] == issuer.refresh_token


def test_nothing_that_a_broken_renewal_wrote_is_told(tmp_path: Path, issuer: _Server) -> None:
    broken = """import os; os.write(1, b'\\n{"token": "SECRET"'); os._exit(3)"""
    (tmp_path / "sitecustomize.py").write_text(broken)

    with pytest.raises(ToolError, match="renewing it failed: exit code 3") as raised:
        listed(kubeconfig(tmp_path, issuer), PYTHONPATH=str(tmp_path))

    assert "SECRET" not in str(raised.value)


def test_a_token_of_gcp_comes_from_the_command_of_its_cmd_path(tmp_path: Path, issuer: _Server) -> None:
    command = tmp_path / "gcloud"
    token = {"access_token": issuer.id_token, "token_expiry": "2100-01-01T00:00:00Z"}
    command.write_text(
        f"#!/bin/sh\necho \"$*\" >> {tmp_path}/runs\necho '{json.dumps({'credential': token})}'\n"
    )
    command.chmod(0o755)
    path = kubeconfig(tmp_path, issuer)
    content = yaml.safe_load(path.read_text())
    provider = {"name": "gcp", "config": {"cmd-path": str(command), "cmd-args": "config config-helper"}}
    content["users"][1]["user"]["auth-provider"] = provider
    path.write_text(yaml.safe_dump(content))

    assert listed(path) == 0
    assert listed(path) == 0  # another process: the token is read from the file

    assert (tmp_path / "runs").read_text() == "config config-helper\n"
    assert kept(path)["access-token"] == issuer.id_token
