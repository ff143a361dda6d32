"""Kubeconfig files: merging, contexts, relative paths, and a pod's own account."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.errors import UsageError
from router.transport.kubeconfig import KubeSource, load_target


def write(path: Path, **changes: Any) -> Path:
    """Write a kubeconfig with one context ``ci``; ``changes`` replace whole sections."""
    config: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "ci",
        "clusters": [{"name": "c", "cluster": {"server": "https://10.0.0.1:6443/"}}],
        "users": [{"name": "u", "user": {"token": "sesame"}}],
        "contexts": [{"name": "ci", "context": {"cluster": "c", "user": "u", "namespace": "builds"}}],
    }
    path.write_text(yaml.safe_dump(config | {key.replace("_", "-"): value for key, value in changes.items()}))
    return path


def test_the_current_context_gives_server_namespace_and_user(tmp_path: Path) -> None:
    target = load_target(KubeSource(environment={}, kubeconfig=str(write(tmp_path / "config"))))
    assert (target.server, target.namespace, target.context) == ("https://10.0.0.1:6443", "builds", "ci")
    assert target.user.token == "sesame"
    assert not target.in_cluster


def test_no_secret_stands_in_the_repr(tmp_path: Path) -> None:
    key = base64.b64encode(b"opensesame").decode()
    user = {"token": "sesame", "client-key-data": key, "client-certificate-data": key}
    path = write(tmp_path / "config", users=[{"name": "u", "user": user}])
    assert "sesame" not in repr(load_target(KubeSource(environment={}, kubeconfig=str(path))))


def test_home_is_where_a_kubeconfig_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    write(tmp_path / ".kube" / "config")
    assert load_target(KubeSource(environment={"HOME": str(tmp_path)})).context == "ci"


def test_of_several_files_the_first_one_counts_for_each_name(tmp_path: Path) -> None:
    first = write(
        tmp_path / "a", contexts=[], current_context="", users=[{"name": "u", "user": {"token": "1"}}]
    )
    second = write(tmp_path / "b")
    listed = os.pathsep.join([str(first), str(tmp_path / "missing"), str(second)])
    target = load_target(KubeSource(environment={"KUBECONFIG": listed}))
    assert target.context == "ci"
    assert target.user.token == "1"


def test_a_chosen_context_wins_over_the_current_one(tmp_path: Path) -> None:
    contexts = [
        {"name": "ci", "context": {"cluster": "c", "user": "u"}},
        {"name": "prod", "context": {"cluster": "c", "user": "u", "namespace": "p"}},
    ]
    path = write(tmp_path / "config", contexts=contexts)
    target = load_target(KubeSource(environment={}, kubeconfig=str(path), context="prod"))
    assert target.namespace == "p"


def test_a_context_without_a_namespace_means_default(tmp_path: Path) -> None:
    path = write(tmp_path / "config", contexts=[{"name": "ci", "context": {"cluster": "c", "user": "u"}}])
    assert load_target(KubeSource(environment={}, kubeconfig=str(path))).namespace == "default"


def test_paths_are_relative_to_the_file_that_they_stand_in(tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(b"the ca")
    (tmp_path / "u.crt").write_bytes(b"the certificate")
    (tmp_path / "u.key").write_bytes(b"the key")
    cluster = {"server": "https://x", "certificate-authority": "ca.crt", "tls-server-name": "kubernetes"}
    user = {"client-certificate": "u.crt", "client-key": "u.key", "tokenFile": "token"}
    path = write(
        tmp_path / "config",
        clusters=[{"name": "c", "cluster": cluster}],
        users=[{"name": "u", "user": user}],
    )
    target = load_target(KubeSource(environment={}, kubeconfig=str(path)))
    assert target.ca == b"the ca"
    assert target.server_name == "kubernetes"
    assert (target.user.cert, target.user.key) == (b"the certificate", b"the key")
    assert target.user.token_file == str(tmp_path / "token")


def test_inline_data_wins_over_a_file(tmp_path: Path) -> None:
    cluster = {
        "server": "https://x",
        "certificate-authority": "missing",
        "certificate-authority-data": base64.b64encode(b"inline").decode(),
        "insecure-skip-tls-verify": True,
        "proxy-url": "http://proxy:3128",
    }
    path = write(tmp_path / "config", clusters=[{"name": "c", "cluster": cluster}])
    target = load_target(KubeSource(environment={}, kubeconfig=str(path)))
    assert target.ca == b"inline"
    assert target.insecure
    assert target.proxy == "http://proxy:3128"


def test_a_credential_plugin_is_read(tmp_path: Path) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": "./bin/login",
        "args": ["get", "token"],
        "env": [{"name": "PROFILE", "value": "ci"}],
        "provideClusterInfo": True,
    }
    path = write(tmp_path / "config", users=[{"name": "u", "user": {"exec": plugin}}])
    found = load_target(KubeSource(environment={}, kubeconfig=str(path))).user.plugin
    assert found is not None
    assert os.path.normpath(found.command) == str(tmp_path / "bin" / "login")
    assert found.args == ("get", "token")
    assert found.environment == (("PROFILE", "ci"),)
    assert found.provide_cluster_info


def test_impersonation_is_read(tmp_path: Path) -> None:
    user = {"token": "t", "as": "jane", "as-groups": ["dev", "ops"], "as-user-extra": {"reason": ["x"]}}
    path = write(tmp_path / "config", users=[{"name": "u", "user": user}])
    target = load_target(KubeSource(environment={}, kubeconfig=str(path)))
    assert target.user.impersonate == (
        ("Impersonate-User", "jane"),
        ("Impersonate-Group", "dev"),
        ("Impersonate-Group", "ops"),
        ("Impersonate-Extra-reason", "x"),
    )


def test_an_unknown_context_names_those_that_exist(tmp_path: Path) -> None:
    path = write(tmp_path / "config")
    with pytest.raises(UsageError, match="has no context 'prod'") as caught:
        load_target(KubeSource(environment={}, kubeconfig=str(path), context="prod"))
    assert "ci" in (caught.value.hint or "")


def test_a_missing_kubeconfig_that_was_asked_for_is_an_error_even_in_a_pod(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    with pytest.raises(UsageError, match="no such file"):
        load_target(KubeSource(environment=environment, kubeconfig=str(tmp_path / "missing")))


def test_without_any_kubeconfig_the_places_looked_at_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.kube/config does not exist"):
        load_target(KubeSource(environment={"HOME": str(tmp_path)}))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: [sesame", "not valid YAML at line"),
        ("- sesame", "is not a kubeconfig"),
        ("clusters: [sesame]", "entry of clusters that is none"),
        ("{}", "has no current context"),
        ("current-context: ci\ncontexts: [{name: ci, context: {cluster: c}}]", "has no cluster 'c'"),
    ],
)
def test_a_broken_kubeconfig_is_told_without_its_content(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(UsageError, match=message) as caught:
        load_target(KubeSource(environment={}, kubeconfig=str(path)))
    assert "sesame" not in str(caught.value)


def test_a_pod_uses_its_service_account(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pod-token\n")
    (tmp_path / "ca.crt").write_bytes(b"the ca")
    (tmp_path / "namespace").write_text("builds")
    environment = {
        "HOME": str(tmp_path),
        "KUBERNETES_SERVICE_HOST": "fd00::1",
        "KUBERNETES_SERVICE_PORT": "44",
    }
    target = load_target(KubeSource(environment=environment, service_account=str(tmp_path)))
    assert target.in_cluster
    assert target.server == "https://[fd00::1]:44"
    assert target.namespace == "builds"
    assert target.user.token_file == str(tmp_path / "token")


def test_a_pod_without_a_token_says_so(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    with pytest.raises(UsageError, match="no service account token"):
        load_target(KubeSource(environment=environment, service_account=str(tmp_path)))
