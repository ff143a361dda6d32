"""Credentials: tokens, files, and what plugins print."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from router.errors import ToolError, UsageError
from router.transport.kube_credentials import Credentials, credentials_for
from router.transport.kubeconfig import ExecPlugin, KubeTarget, KubeUser


def target(user: KubeUser) -> KubeTarget:
    """Return a target with this user."""
    return KubeTarget(server="https://k", namespace="ci", source="config", context="ci", user=user)


def plugin(tmp_path: Path, script: str) -> ExecPlugin:
    """Return a plugin that runs this shell script; each test has a path, and so an answer, of its own."""
    path = tmp_path / "login"
    path.write_text(f"#!/bin/sh\necho run >> {tmp_path}/runs\n{script}\n")
    path.chmod(0o755)
    return ExecPlugin(command=str(path))


def answer(status: object) -> str:
    """Return the shell command that prints an ExecCredential."""
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return f"echo '{json.dumps(credential)}'"


def ask(user: KubeUser, environment: dict[str, str] | None = None) -> Credentials:
    """Return the credentials of a user."""
    return credentials_for(target(user), environment or dict(os.environ), timeout=10)


def test_a_token_is_a_bearer_header() -> None:
    assert ask(KubeUser(token="sesame")).headers == (("Authorization", "Bearer sesame"),)


def test_a_token_file_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    for token in ("first", "second"):
        path.write_text(f"{token}\n")
        assert ask(KubeUser(token="stale", token_file=str(path))).headers[0][1] == f"Bearer {token}"


def test_a_missing_token_file_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="token file"):
        ask(KubeUser(token_file=str(tmp_path / "missing")))


def test_user_and_password_are_a_basic_header() -> None:
    assert ask(KubeUser(basic=("jane", "pw"))).headers == (("Authorization", "Basic amFuZTpwdw=="),)


def test_impersonation_follows_the_authorization() -> None:
    user = KubeUser(token="t", impersonate=(("Impersonate-User", "jane"),))
    assert ask(user).headers[1:] == (("Impersonate-User", "jane"),)


def test_a_plugin_gives_a_token_and_is_asked_once(tmp_path: Path) -> None:
    user = KubeUser(plugin=plugin(tmp_path, answer({"token": "sesame"})))
    for _ in range(2):
        assert ask(user).headers == (("Authorization", "Bearer sesame"),)
    assert (tmp_path / "runs").read_text() == "run\n"


def test_a_plugin_is_asked_again_when_its_answer_has_expired(tmp_path: Path) -> None:
    status = {"token": "t", "expirationTimestamp": "2020-01-01T00:00:00Z"}
    user = KubeUser(plugin=plugin(tmp_path, answer(status)))
    ask(user)
    ask(user)
    assert (tmp_path / "runs").read_text() == "run\nrun\n"


def test_a_plugin_may_give_a_certificate(tmp_path: Path) -> None:
    status = {"clientCertificateData": "the certificate", "clientKeyData": "the key"}
    credentials = ask(KubeUser(plugin=plugin(tmp_path, answer(status))))
    assert (credentials.cert, credentials.key) == (b"the certificate", b"the key")
    assert credentials.headers == ()


def test_a_plugin_is_told_the_cluster_and_its_own_environment(tmp_path: Path) -> None:
    script = f'echo "$KUBERNETES_EXEC_INFO" > {tmp_path}/info\necho "$PROFILE" >> {tmp_path}/info\n'
    asked = replace(
        plugin(tmp_path, script + answer({"token": "t"})),
        provide_cluster_info=True,
        environment=(("PROFILE", "ci"),),
    )
    ask(KubeUser(plugin=asked))
    info, profile = (tmp_path / "info").read_text().splitlines()
    assert json.loads(info)["spec"]["cluster"]["server"] == "https://k"
    assert profile == "ci"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo no session >&2; exit 1", "failed: no session"),
        ("echo sesame", "no ExecCredential"),
        (answer({}), "neither a token nor a certificate"),
        (answer({"token": "sesame", "expirationTimestamp": "later"}), "no time"),
    ],
)
def test_a_plugin_that_fails_is_named_without_what_it_printed(
    tmp_path: Path, script: str, message: str
) -> None:
    with pytest.raises(ToolError, match=message) as caught:
        ask(KubeUser(plugin=plugin(tmp_path, script)))
    assert "credential plugin login" in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_a_missing_plugin_gives_its_install_hint() -> None:
    missing = ExecPlugin(command="no-such-login", install_hint="get it from the shop")
    with pytest.raises(ToolError, match="not installed") as caught:
        ask(KubeUser(plugin=missing))
    assert caught.value.hint == "get it from the shop"


def test_a_plugin_that_needs_a_terminal_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="terminal"):
        ask(KubeUser(plugin=replace(plugin(tmp_path, ""), needs_terminal=True)))
    assert not (tmp_path / "runs").exists()


def test_no_credential_stands_in_the_repr() -> None:
    assert "sesame" not in repr(ask(KubeUser(token="sesame")))
