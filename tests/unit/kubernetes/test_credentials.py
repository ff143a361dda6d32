"""Credentials: tokens, files, and what plugins print."""

from __future__ import annotations

import base64
import json
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from router.errors import ToolError, UsageError
from router.kubernetes.auth_provider import AuthProvider
from router.kubernetes.config import ExecPlugin, KubeTarget, KubeUser
from router.kubernetes.credentials import Credentials, PluginAnswers, credentials_for


def target(user: KubeUser, server: str = "https://k") -> KubeTarget:
    """Return a target with this user."""
    return KubeTarget(server=server, namespace="ci", source="config", context="ci", user=user)


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


def ask(user: KubeUser, answers: PluginAnswers | None = None) -> Credentials:
    """Return the credentials of a user."""
    return credentials_for(target(user), dict(os.environ), timeout=10, answers=answers)


def id_token(expires: object) -> str:
    """Return a JWT with such a claim."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires}).encode()).decode().rstrip("=")
    return f"e30.{claims}.sesame"


def oidc(token: str, refresh: str = "") -> AuthProvider:
    """Return a provider with these tokens."""
    tokens = {"id-token": token, "refresh-token": refresh}
    config = {"idp-issuer-url": "https://issuer.test", "client-id": "c", **tokens}
    return AuthProvider(name="oidc", user="jane", path="/nonexistent", config=tuple(config.items()))


def test_a_token_is_a_bearer_header() -> None:
    assert ask(KubeUser(token="sesame")).headers == (("Authorization", "Bearer sesame"),)


def test_a_token_file_is_read_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    for token in ("first", "second"):
        path.write_text(f"{token}\n")
        assert ask(KubeUser(token="stale", token_file=str(path))).headers[0][1] == f"Bearer {token}"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing", "no such file or directory"),
        ("zero", "it is larger than 16 MiB"),
        ("pipe", "it is a pipe, and nobody has finished writing to it after 0.2 s"),
        ("bytes", "it is not text"),
    ],
)
def test_a_token_file_that_can_not_be_read_is_a_usage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, why: str
) -> None:
    monkeypatch.setattr("router.named_file._PATIENCE", 0.2)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "bytes").write_bytes(b"\xff")
    path = tmp_path / name

    with pytest.raises(UsageError) as caught:
        ask(KubeUser(token_file=str(path)))

    assert str(caught.value) == f"can't read the token file {path} (tokenFile of the kubeconfig): {why}"
    assert ask(KubeUser(token="stale", token_file=str(path))).headers[0][1] == "Bearer stale"


def test_a_token_file_of_a_pod_is_its_service_accounts(tmp_path: Path) -> None:
    pods = replace(target(KubeUser(token_file=str(tmp_path / "token"))), context="")

    with pytest.raises(UsageError, match=r"token \(of this pod's service account\): no such file"):
        credentials_for(pods, {}, timeout=10)


def test_a_token_from_a_pipe_is_read_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=("sesame\n",))
    writer.start()
    user, answers = KubeUser(token_file=str(tmp_path / "pipe")), PluginAnswers()

    found = [ask(user, answers).headers[0][1] for _ in range(2)]

    writer.join()
    assert found == ["Bearer sesame", "Bearer sesame"]


def test_user_and_password_are_a_basic_header() -> None:
    assert ask(KubeUser(basic=("jane", "pw"))).headers == (("Authorization", "Basic amFuZTpwdw=="),)


def test_impersonation_follows_the_authorization() -> None:
    user = KubeUser(token="t", impersonate=(("Impersonate-User", "jane"),))
    assert ask(user).headers[1:] == (("Impersonate-User", "jane"),)


def test_a_plugin_gives_a_token_and_is_asked_once(tmp_path: Path) -> None:
    user = KubeUser(plugin=plugin(tmp_path, answer({"token": "sesame"})))
    answers = PluginAnswers()
    for _ in range(2):
        assert ask(user, answers).headers == (("Authorization", "Bearer sesame"),)
    assert (tmp_path / "runs").read_text() == "run\n"


def test_many_threads_have_one_plugin_run_once_and_wait_for_no_other(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    slow = KubeUser(plugin=plugin(tmp_path, f"read line < {gate}\n{answer({'token': 'slow'})}"))
    (tmp_path / "other").mkdir()
    quick = KubeUser(plugin=plugin(tmp_path / "other", answer({"token": "quick"})))
    answers = PluginAnswers()

    with ThreadPoolExecutor(16) as threads:
        waiting = [threads.submit(ask, slow, answers) for _ in range(8)]
        done = [threads.submit(ask, quick, answers) for _ in range(8)]
        assert {each.result(timeout=10).headers[0][1] for each in done} == {"Bearer quick"}
        assert not any(each.done() for each in waiting)
        gate.write_text("go\n")
        assert {each.result(timeout=10).headers[0][1] for each in waiting} == {"Bearer slow"}

    assert (tmp_path / "runs").read_text() == (tmp_path / "other" / "runs").read_text() == "run\n"


def test_a_plugin_that_failed_is_asked_again(tmp_path: Path) -> None:
    user = KubeUser(plugin=plugin(tmp_path, "exit 1"))
    answers = PluginAnswers()
    for _ in range(2):
        with pytest.raises(ToolError):
            ask(user, answers)

    assert (tmp_path / "runs").read_text() == "run\nrun\n"


@pytest.mark.parametrize("server", ["http://k", "http://127.0.0.1:8001"])
def test_nothing_secret_goes_to_a_server_without_tls(tmp_path: Path, server: str) -> None:
    runs = plugin(tmp_path, answer({"token": "sesame"}))
    for user in (
        KubeUser(token="sesame"),
        KubeUser(token_file=str(tmp_path / "missing")),
        KubeUser(basic=("jane", "sesame")),
        KubeUser(plugin=runs),
        KubeUser(provider=oidc(id_token(4e9))),
        KubeUser(cert=b"certificate", key=b"sesame"),
    ):
        assert credentials_for(target(user, server), {}, timeout=10) == Credentials()
    assert not (tmp_path / "runs").exists()


def test_impersonation_is_no_secret() -> None:
    user = KubeUser(token="sesame", impersonate=(("Impersonate-User", "jane"),))

    assert credentials_for(target(user, "http://k"), {}, timeout=10).headers == user.impersonate


@pytest.mark.parametrize("other", [{"token": "t"}, {"basic": ("jane", "pw")}, {"cert": b"c", "key": b"k"}])
def test_a_plugin_is_for_users_who_have_nothing_else(tmp_path: Path, other: dict[str, Any]) -> None:
    ask(KubeUser(plugin=plugin(tmp_path, answer({"token": "sesame"})), **other))

    assert not (tmp_path / "runs").exists()


def test_a_token_stands_in_for_a_file_that_is_missing(tmp_path: Path) -> None:
    user = KubeUser(token="sesame", token_file=str(tmp_path / "missing"))

    assert ask(user).headers == (("Authorization", "Bearer sesame"),)


@pytest.mark.parametrize("token", ["a\r\nX: y", "a\nb", "a\0b"])
def test_a_token_begins_no_header_of_its_own(token: str) -> None:
    with pytest.raises(UsageError, match="have a line break in them") as caught:
        ask(KubeUser(token=token))
    assert token not in str(caught.value)


@pytest.mark.parametrize("expires", [4_000_000_000, 4e9])
def test_an_id_token_that_holds_is_a_bearer_header(expires: float) -> None:
    token = id_token(expires)

    assert ask(KubeUser(provider=oidc(token))).headers == (("Authorization", f"Bearer {token}"),)


@pytest.mark.parametrize(
    ("token", "message", "hint"),
    [
        (id_token(1_000_000_000), "has expired, and there is no refresh token", "log in again"),
        (id_token(None), "has expired", "log in again"),
        (id_token("later"), "has expired", "log in again"),
        ("", "is missing, and there is no refresh token", "log in again"),
        ("sesame", "is not a JWT", None),
        ("a.sesame!.c", "is not a JWT", None),
        ("a..c", "is not a JWT", None),
    ],
)
def test_an_id_token_that_does_not_hold_is_told_with_what_to_do(
    token: str, message: str, hint: str | None
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        ask(KubeUser(provider=oidc(token)))

    assert 'the user "jane" in /nonexistent' in str(caught.value)
    assert "sesame" not in str(caught.value)
    assert (caught.value.hint or "").startswith(hint or "")


def test_renewing_names_the_extra_where_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)

    with pytest.raises(UsageError, match="takes the package kubernetes, which is not installed") as caught:
        ask(KubeUser(provider=oidc(id_token(1), refresh="sesame")))

    assert (caught.value.hint or "").startswith(f"{sys.executable} -m pip install 'kubernetes>=")


def test_renewing_a_token_of_gcp_names_google_s_package_where_it_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)
    provider = AuthProvider(name="gcp", user="jane", path="/nonexistent", config=())

    with pytest.raises(UsageError, match="takes the package google-auth, which is not installed") as caught:
        ask(KubeUser(provider=provider))

    assert caught.value.hint == (
        f"{sys.executable} -m pip install 'google-auth>=2';"
        " or use the credential plugin gke-gcloud-auth-plugin"
    )


def test_nothing_is_renewed_that_can_t_be_kept() -> None:
    with pytest.raises(UsageError, match="the new tokens can't be written to that file"):
        ask(KubeUser(provider=oidc(id_token(1), refresh="sesame")))


@pytest.mark.parametrize(
    ("name", "hint"), [("azure", "kubelogin"), ("own", "the credential plugin .exec. of your provider")]
)
def test_a_provider_that_the_package_doesn_t_know_is_told(name: str, hint: str) -> None:
    provider = AuthProvider(name=name, user="jane", path="/nonexistent")

    with pytest.raises(UsageError, match=f'"{name}", unknown to the package kubernetes') as caught:
        ask(KubeUser(provider=provider))

    assert re.search(hint, caught.value.hint or "")


def test_a_token_of_gcp_is_used_as_long_as_it_holds() -> None:
    config = (("access-token", "sesame"), ("expiry", "2100-01-01T00:00:00Z"))
    provider = AuthProvider(name="gcp", user="jane", path="/nonexistent", config=config)

    assert ask(KubeUser(provider=provider)).headers == (("Authorization", "Bearer sesame"),)


def test_a_token_of_gcp_is_renewed_by_the_command_that_the_kubeconfig_names(tmp_path: Path) -> None:
    command = tmp_path / "gcloud"
    token = {"access_token": "sesame", "token_expiry": "2100-01-01T00:00:00Z"}
    command.write_text(f"#!/bin/sh\necho '{json.dumps({'credential': token})}'\n")
    command.chmod(0o755)
    config = (("cmd-args", "config"), ("cmd-path", str(command)))
    provider = AuthProvider(name="gcp", user="jane", path="/nonexistent", config=config)

    assert ask(KubeUser(provider=provider)).headers == (("Authorization", "Bearer sesame"),)


def test_a_plugin_is_asked_again_when_its_answer_has_expired(tmp_path: Path) -> None:
    status = {"token": "t", "expirationTimestamp": "2020-01-01T00:00:00Z"}
    user = KubeUser(plugin=plugin(tmp_path, answer(status)))
    answers = PluginAnswers()
    ask(user, answers)
    ask(user, answers)
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
        ("echo sesame", "did not print an ExecCredential"),
        (answer({}), "neither a token nor a certificate"),
        (answer({"token": "sesame", "expirationTimestamp": "later"}), "not a time"),
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


@pytest.mark.parametrize("path", [".", "", "./:/nowhere"])
def test_a_plugin_of_the_working_directory_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    plugin(tmp_path, answer({"token": "sesame"}))
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ToolError, match=r"login is not run: PATH finds it as \./login"):
        credentials_for(target(KubeUser(plugin=ExecPlugin(command="login"))), {"PATH": path}, timeout=10)

    assert not (tmp_path / "runs").exists()


def test_a_plugin_that_needs_a_terminal_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="terminal"):
        ask(KubeUser(plugin=replace(plugin(tmp_path, ""), needs_terminal=True)))
    assert not (tmp_path / "runs").exists()


def test_no_credential_stands_in_the_repr() -> None:
    assert "sesame" not in repr(ask(KubeUser(token="sesame")))
