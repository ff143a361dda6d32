"""Kubeconfig files: merging, contexts, relative paths, and a pod's own account."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from router.errors import UsageError
from router.kubernetes.auth_provider import AuthProvider
from router.kubernetes.config import KubeSource, load_target
from router.once import OneTimeFiles
from tests.unit.unprivileged import folder_for_anybody, unprivileged


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


_UNREADABLE = {
    "zero": "it is larger than 16 MiB",
    "pipe": "it is a pipe, and nobody has finished writing to it after 0.2 s",
    "missing": "no such file or directory",
}


@pytest.mark.parametrize(
    ("section", "key"),
    [("cluster", "certificate-authority"), ("user", "client-certificate"), ("user", "client-key")],
)
@pytest.mark.parametrize("name", _UNREADABLE)
def test_a_file_that_can_not_be_read_is_named_with_the_key_that_points_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, section: str, key: str, name: str
) -> None:
    monkeypatch.setattr("router.named_file._PATIENCE", 0.2)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    values: dict[str, dict[str, str]] = {"cluster": {"server": "https://x"}, "user": {}}
    values[section][key] = name
    path = write(
        tmp_path / "config",
        clusters=[{"name": "c", "cluster": values["cluster"]}],
        users=[{"name": "u", "user": values["user"]}],
    )

    with pytest.raises(UsageError) as caught:
        load_target(KubeSource(environment={}, kubeconfig=str(path)))

    told = f"can't read {tmp_path / name} ({key} of the kubeconfig): {_UNREADABLE[name]}"
    assert (str(caught.value), caught.value.hint) == (told, f"ls -l {tmp_path / name}")


def test_a_ca_from_a_pipe_is_there_each_time_that_the_kubeconfig_is_read(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, b"the ca")
    os.close(writer)
    cluster = {"server": "https://x", "certificate-authority": f"/dev/fd/{reader}"}
    path = write(tmp_path / "config", clusters=[{"name": "c", "cluster": cluster}])
    files = OneTimeFiles()

    found = [load_target(KubeSource(environment={}, kubeconfig=str(path)), files).ca for _ in range(2)]

    os.close(reader)
    assert found == [b"the ca", b"the ca"]


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
    with pytest.raises(UsageError, match='has no context "prod"') as caught:
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
        ("clusters: [sesame]", "clusters in the kubeconfig is not a list of mappings"),
        ("clusters: sesame", "clusters in the kubeconfig is not a list of mappings"),
        ("current-context: [sesame]", "current-context in the kubeconfig is not text"),
        ("a: " + "[" * 100_000, "is not valid YAML"),
        ("- " * 100_000, "is not valid YAML"),
        ("a: 2024-99-99", "is not valid YAML"),
        ("---\n---\ncurrent-context: sesame", "has no current context"),
        ("{}", "has no current context"),
        ("current-context: ci\ncontexts: [{name: ci, context: {cluster: c}}]", 'has no cluster "c"'),
    ],
)
def test_a_broken_kubeconfig_is_told_without_its_content(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(UsageError, match=message) as caught:
        load_target(KubeSource(environment={}, kubeconfig=str(path)))
    assert "sesame" not in str(caught.value)


def test_a_service_account_that_may_not_be_read_is_told_as_that() -> None:
    with folder_for_anybody() as folder:
        (folder / "account").mkdir(mode=0)
        source = KubeSource(
            environment={"HOME": str(folder), "KUBERNETES_SERVICE_HOST": "10.96.0.1"},
            service_account=str(folder / "account"),
        )

        def told() -> str:
            with pytest.raises(UsageError) as caught:
                load_target(source)
            return str(caught.value)

        assert "permission denied" in unprivileged(told)


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


@pytest.mark.parametrize(
    "content", ["", "\n", "# nothing\n", "---\n", "{}", "null", "clusters: []\n---\nx: ["]
)
@pytest.mark.parametrize("way", ["option", "variable", "home"])
def test_a_kubeconfig_that_names_no_server_does_not_hide_the_pods_account(
    tmp_path: Path, content: str, way: str
) -> None:
    account = service_account(tmp_path)
    config = tmp_path / ".kube" / "config"
    config.parent.mkdir()
    config.write_text(content)
    variables = {"option": {}, "variable": {"KUBECONFIG": str(config)}, "home": {"HOME": str(tmp_path)}}
    source = KubeSource(
        environment={"KUBERNETES_SERVICE_HOST": "10.96.0.1", **variables[way]},
        kubeconfig=str(config) if way == "option" else None,
        service_account=account,
    )

    assert load_target(source).in_cluster


def test_dev_null_does_not_hide_the_pods_account(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBECONFIG": "/dev/null"}

    target = load_target(KubeSource(environment=environment, service_account=service_account(tmp_path)))

    assert (target.in_cluster, target.namespace) == (True, "builds")


def test_a_context_of_the_kubeconfig_wins_over_the_pods_account(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBECONFIG": str(write(tmp_path / "config"))}

    target = load_target(KubeSource(environment=environment, service_account=service_account(tmp_path)))

    assert target.context == "ci"


def test_a_home_that_can_not_be_read_does_not_hide_the_pods_account(tmp_path: Path) -> None:
    (tmp_path / ".kube" / "config").mkdir(parents=True)
    environment = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    account = service_account(tmp_path)

    target = load_target(KubeSource(environment=environment, service_account=account))

    assert target.in_cluster
    assert target.source == f"{account} (can't read the kubeconfig {tmp_path}/.kube/config: is a directory)"
    with pytest.raises(UsageError, match=r"can't read the kubeconfig .*/\.kube/config: is a directory"):
        load_target(KubeSource(environment={"HOME": str(tmp_path)}))
    named = {**environment, "KUBECONFIG": f"{tmp_path}/.kube/config"}
    with pytest.raises(UsageError, match="can't read the kubeconfig"):
        load_target(KubeSource(environment=named, service_account=account))


def test_the_variable_names_the_pods_namespace(tmp_path: Path) -> None:
    environment = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "POD_NAMESPACE": "other"}

    source = KubeSource(environment=environment, service_account=service_account(tmp_path))

    assert load_target(source).namespace == "other"


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "."}])
def test_the_working_directory_has_no_kubeconfig(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: dict[str, str]
) -> None:
    (tmp_path / ".kube").mkdir()
    write(tmp_path / ".kube" / "config")
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match="no kubeconfig: this user has no home"):
        load_target(KubeSource(environment=home))


@pytest.mark.parametrize(
    "end", ["---\n", "...\n", "---\n# more\n", "---\nclusters: [broken\n", "\n# the end"]
)
def test_the_first_document_counts(tmp_path: Path, end: str) -> None:
    path = write(tmp_path / "config")
    path.write_text("# ours\n---\n" + path.read_text() + end)

    assert load_target(KubeSource(environment={}, kubeconfig=str(path))).user.token == "sesame"


# What kubectl (1.32) connects to.
@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("127.0.0.1:6443", "http://127.0.0.1:6443"),
        ("localhost:6443", "http://localhost:6443"),
        ("api.example", "http://api.example"),
        ("[::1]:6443", "http://[::1]:6443"),
        ("https://api.example/prefix/", "https://api.example/prefix"),
        ("HTTPS://api.example", "https://api.example"),
    ],
)
def test_a_server_without_a_scheme_is_reached_by_http(tmp_path: Path, server: str, url: str) -> None:
    path = write(tmp_path / "config", clusters=[{"name": "c", "cluster": {"server": server}}])

    target = load_target(KubeSource(environment={}, kubeconfig=str(path)))

    assert (target.server, target.secure) == (url, url.startswith("https"))


def oidc(tmp_path: Path, **config: str) -> Path:
    """Write a kubeconfig whose user has an auth-provider."""
    provider = {"name": "oidc", "config": {"idp-issuer-url": "https://i", "client-id": "c", **config}}
    return write(tmp_path / "config", users=[{"name": "u", "user": {"auth-provider": provider}}])


def test_an_oidc_user_has_the_id_token(tmp_path: Path) -> None:
    path = oidc(tmp_path, **{"id-token": "sesame", "refresh-token": "r"})

    target = load_target(KubeSource(environment={}, kubeconfig=str(path)))

    provider = target.user.provider
    assert isinstance(provider, AuthProvider)
    assert str(provider) == f'the user "u" in {path}'
    assert provider.get("id-token") == "sesame"
    assert "sesame" not in repr(target)


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ({"name": "oidc", "config": {"client-id": "c"}}, "has no idp-issuer-url"),
        ({"name": "oidc", "config": {"idp-issuer-url": "https://i"}}, "has no client-id"),
        ({"name": "oidc", "config": "c"}, "config in the kubeconfig is not a mapping"),
    ],
)
def test_an_auth_provider_that_does_not_do_is_told(
    tmp_path: Path, provider: dict[str, object], message: str
) -> None:
    path = write(tmp_path / "config", users=[{"name": "u", "user": {"auth-provider": provider}}])

    with pytest.raises(UsageError, match=message):
        load_target(KubeSource(environment={}, kubeconfig=str(path)))


def service_account(directory: Path) -> str:
    """Write what is mounted in a pod; return where."""
    mounted = directory / "account"
    mounted.mkdir()
    for name, content in (("token", "pod-token\n"), ("ca.crt", "the ca"), ("namespace", "builds")):
        (mounted / name).write_text(content)
    return str(mounted)


def test_a_pod_without_a_token_says_so(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "10.96.0.1"}
    with pytest.raises(UsageError, match="no service account token"):
        load_target(KubeSource(environment=environment, service_account=str(tmp_path)))


def test_a_kubeconfig_that_can_be_read_once_is_read_once(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, write(tmp_path / "config").read_bytes())
    os.close(writer)
    files = OneTimeFiles()

    targets = [
        load_target(KubeSource(environment={}, kubeconfig=f"/dev/fd/{reader}", context=context), files)
        for context in (None, "ci")
    ]

    os.close(reader)
    assert targets[0] == targets[1]
    assert targets[0].context == "ci"


def test_what_no_header_is_named_is_escaped_as_by_kubectl(tmp_path: Path) -> None:
    user = {"as": "jane", "as-user-extra": {"example.com/scope 1%": ["x"]}}
    path = write(tmp_path / "config", users=[{"name": "u", "user": user}])

    target = load_target(KubeSource(environment={}, kubeconfig=str(path)))

    assert target.user.impersonate[1:] == (("Impersonate-Extra-example.com%2Fscope%201%25", "x"),)


@pytest.mark.parametrize("more", [{"as-uid": "1"}, {"as-groups": ["a"]}, {"as-user-extra": {"a": ["b"]}}])
def test_a_group_without_a_user_to_act_as_is_refused_as_by_kubectl(
    tmp_path: Path, more: dict[str, object]
) -> None:
    path = write(tmp_path / "config", users=[{"name": "u", "user": more}])

    with pytest.raises(UsageError, match="as-uid, as-groups or as-user-extra, but no as"):
        load_target(KubeSource(environment={}, kubeconfig=str(path)))
