"""What the docker CLI's config.json says, and what is said about a broken one."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.providers.docker_config import DOCKER_HUB, Credentials, DockerConfig, load, registry_key


def basic(userinfo: str) -> str:
    return base64.b64encode(userinfo.encode()).decode()


def load_text(folder: Path, text: str) -> DockerConfig:
    (folder / "config.json").write_text(text)
    return load({"DOCKER_CONFIG": str(folder)})


def load_json(folder: Path, content: object) -> DockerConfig:
    return load_text(folder, json.dumps(content))


def test_no_config_is_anonymous(tmp_path: Path) -> None:
    config = load({"HOME": str(tmp_path)})

    assert config.stored("registry.example") == Credentials()
    assert config.path == f"{tmp_path}/.docker/config.json"


def test_docker_config_names_the_folder(tmp_path: Path) -> None:
    assert load({"DOCKER_CONFIG": str(tmp_path), "HOME": "/nowhere"}).directory == str(tmp_path)


def test_an_empty_file_is_no_error(tmp_path: Path) -> None:
    assert load_text(tmp_path, "").auths == {}


def test_auth_is_base64_of_user_and_password(tmp_path: Path) -> None:
    config = load_json(tmp_path, {"auths": {"registry.example": {"auth": basic("me:pass:word")}}})

    assert config.stored("registry.example") == Credentials(username="me", secret="pass:word")


def test_user_and_password_may_stand_apart(tmp_path: Path) -> None:
    config = load_json(tmp_path, {"auths": {"registry.example": {"username": "me", "password": "word"}}})

    assert config.stored("registry.example") == Credentials(username="me", secret="word")


def test_an_identity_token_has_no_user_name(tmp_path: Path) -> None:
    entry = {"auth": basic("00000000-0000:"), "identitytoken": "token"}

    assert load_json(tmp_path, {"auths": {"a.example": entry}}).stored("a.example") == Credentials(
        secret="token"
    )


@pytest.mark.parametrize(
    "written",
    ["https://a.example:5000", "http://a.example:5000/v2/", "a.example:5000/", "a.example:5000/v1/"],
)
def test_a_key_may_be_written_as_a_url(tmp_path: Path, written: str) -> None:
    config = load_json(tmp_path, {"auths": {written: {"auth": basic("me:word")}}})

    assert config.stored("a.example:5000").username == "me"
    assert config.stored("a.example") == Credentials()


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_one_key(host: str) -> None:
    assert registry_key(host) == DOCKER_HUB


def test_any_other_registry_is_its_own_key() -> None:
    assert registry_key("ghcr.io") == "ghcr.io"


def test_a_registrys_own_helper_comes_first(tmp_path: Path) -> None:
    config = load_json(tmp_path, {"credsStore": "general", "credHelpers": {"gcr.io": "gcr"}})

    assert (config.helper("gcr.io"), config.helper("ghcr.io")) == ("gcr", "general")


def test_the_variable_with_credentials_wins_over_file_and_helper(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "general", "currentContext": "remote"}))
    given = json.dumps({"auths": {"a.example": {"auth": basic("me:word")}}})

    config = load({"DOCKER_CONFIG": str(tmp_path), "DOCKER_AUTH_CONFIG": given})

    assert (config.helper("a.example"), config.stored("a.example").username) == ("", "me")
    assert (config.helper("b.example"), config.current_context) == ("general", "remote")


def test_proxies_become_build_arguments_in_both_cases(tmp_path: Path) -> None:
    config = load_json(
        tmp_path, {"proxies": {"default": {"httpProxy": "http://proxy:3128", "noProxy": "localhost"}}}
    )

    assert config.proxy_build_args() == {
        "HTTP_PROXY": "http://proxy:3128",
        "http_proxy": "http://proxy:3128",
        "NO_PROXY": "localhost",
        "no_proxy": "localhost",
    }


def test_a_docker_host_can_have_proxies_of_its_own(tmp_path: Path) -> None:
    proxies = {"default": {"httpProxy": "http://a"}, "tcp://far:2376": {"ftpProxy": "http://b"}}
    config = load_json(tmp_path, {"proxies": proxies})

    assert config.proxy_build_args("tcp://far:2376") == {"FTP_PROXY": "http://b", "ftp_proxy": "http://b"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"auths": ', "no JSON at line 1, column 11"),
        ("[]", "it does not have the form of a docker config"),
        ('{"auths": {"a": "b"}}', "it does not have the form of a docker config"),
        (
            '{"auths": {"a.example": {"auth": "hidden!"}}}',
            '"auth" of a.example is no base64 of user:password',
        ),
        (
            '{"auths": {"a.example": {"auth": "aGlkZGVu"}}}',
            '"auth" of a.example is no base64 of user:password',
        ),
    ],
)
def test_a_broken_config_is_named_with_the_reason(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_text(tmp_path, text)

    assert str(caught.value) == f"the docker config {tmp_path}/config.json is broken: {why}"


def test_a_broken_configs_content_is_not_in_the_exceptions_chain(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load_text(tmp_path, '{"auths": {"a": {"password": "hidden"')

    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_an_unreadable_config_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()

    with pytest.raises(UsageError, match=r"config\.json: Is a directory"):
        load({"DOCKER_CONFIG": str(tmp_path)})


def test_secrets_are_not_shown(tmp_path: Path) -> None:
    config = load_json(
        tmp_path,
        {
            "auths": {"a.example": {"auth": basic("me:hidden")}},
            "proxies": {"default": {"httpProxy": "http://me:hidden@proxy"}},
        },
    )

    assert "hidden" not in repr(config)


def test_a_registry_token_stands_beside_a_login(tmp_path: Path) -> None:
    entry = {"auth": basic("me:word"), "registrytoken": "fixed"}

    stored = load_json(tmp_path, {"auths": {"a.example": entry}}).stored("a.example")

    assert stored == Credentials(username="me", secret="word", registry_token="fixed")
    assert "fixed" not in repr(stored)


def test_an_entry_that_is_null_is_empty(tmp_path: Path) -> None:
    assert load_json(tmp_path, {"auths": {"a.example": None}}).stored("a.example") == Credentials()


@pytest.mark.parametrize("name", ["auth", "username", "password", "identitytoken", "registrytoken"])
@pytest.mark.parametrize("value", [5, ["x"], {"a": "b"}, True, "\ud800"])
def test_what_can_be_no_credential_is_refused(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(UsageError, match="is broken"):
        load_json(tmp_path, {"auths": {"a.example": {name: value}}})


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=9)
    | st.sampled_from([basic("a:b"), "\ud800"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["auths", "auth", "a.example", "httpProxy", "identitytoken", "username", "\ud800"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=9,
)
_CONFIGS = st.dictionaries(
    st.sampled_from(["auths", "credsStore", "credHelpers", "currentContext", "proxies", "other"]), _VALUES
).map(lambda content: json.dumps(content).encode())
_HOSTS = st.sampled_from(["a.example", DOCKER_HUB, "", "\ud800"])


@given(_CONFIGS | _VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=60), _HOSTS)
def test_any_config_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, host: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "config.json").write_bytes(content)
    try:
        config = load({"DOCKER_CONFIG": str(folder)})
    except UsageError as exc:
        str(exc).encode()
        return
    stored = config.stored(host)
    for text in (stored.username, stored.secret, stored.registry_token):
        text.encode()
    assert isinstance(config.helper(host), str)
    assert all(isinstance(value, str) for value in config.proxy_build_args().values())


@pytest.mark.parametrize("text", ["[" * 100_000, '{"auths":' * 50_000, '{"auths": {"a": {"auth": "é"}}}'])
def test_a_hostile_config_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match="is broken"):
        load_text(tmp_path, text)


def test_a_variable_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError, match="in DOCKER_AUTH_CONFIG is broken: it is not UTF-8"):
        load({"DOCKER_AUTH_CONFIG": "{\udcff}"})
