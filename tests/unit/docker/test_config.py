"""What the docker CLI's config.json says, and what is said about a broken one."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.docker.config import (
    DOCKER_HUB,
    Credentials,
    DockerConfig,
    load,
    registry_key,
)
from router.errors import UsageError


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


def test_null_is_no_error_either(tmp_path: Path) -> None:
    assert load_text(tmp_path, " null\n").warnings == ()


@pytest.mark.parametrize("rest", [" }", "\n{}", "x"])
def test_what_follows_the_object_is_ignored_as_by_docker(tmp_path: Path, rest: str) -> None:
    config = load_text(tmp_path, json.dumps({"auths": {"r.example": {"auth": basic("me:word")}}}) + rest)

    assert config.stored("r.example") == Credentials(username="me", secret="word")
    assert config.warnings == (
        f"the docker config {tmp_path}/config.json has text after its JSON object, which is ignored",
    )


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")

    (warning,) = load({"DOCKER_CONFIG": str(tmp_path)}).warnings

    assert (
        warning == f"can't read the docker config {tmp_path}/config.json: it is a pipe; building without it"
    )


def test_a_config_without_end_is_not_read_to_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").symlink_to("/dev/zero")

    (warning,) = load({"DOCKER_CONFIG": str(tmp_path)}).warnings

    assert "is too large" in warning


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
        ('{"auths": ', "is not valid JSON (line 1, column 11)"),
        ("[]", "is not a JSON object"),
        ("[" * 100_000, "is nested too deeply: 128 levels are read at most"),
        ('{"auths":' * 50_000, "is nested too deeply: 128 levels are read at most"),
    ],
)
def test_a_file_that_makes_no_sense_is_as_good_as_none(tmp_path: Path, text: str, why: str) -> None:
    config = load_text(tmp_path, text)

    assert config == DockerConfig(path=config.path, warnings=config.warnings)
    assert config.warnings == (f"the docker config {tmp_path}/config.json {why}; building without it",)


def test_an_unreadable_config_is_named_and_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / "config.json").mkdir()

    config = load({"DOCKER_CONFIG": str(tmp_path)})

    assert config.stored("a.example") == Credentials()
    (warning,) = config.warnings
    assert (
        warning == f"can't read the docker config {tmp_path}/config.json: is a directory; building without it"
    )


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "checkout"}, {"HOME": "."}])
def test_the_working_directory_is_nobodys_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: dict[str, str]
) -> None:
    listed = tmp_path / "listed" / ".docker"
    listed.mkdir(parents=True)
    (listed / "config.json").write_text('{"credsStore": "mine"}')
    for hostile in (tmp_path / ".docker", tmp_path / "checkout" / ".docker"):
        hostile.mkdir(parents=True)
        (hostile / "config.json").write_text(
            '{"credsStore": "theirs", "proxies": {"default": {"httpProxy": "x"}}}'
        )
    monkeypatch.chdir(tmp_path)

    assert load(home) == DockerConfig()
    assert load(home).proxy_build_args() == {}

    monkeypatch.setattr("router.config._listed_home", lambda: str(tmp_path / "listed"))
    assert load(home).creds_store == "mine"


# What the docker CLI (29.6) answers for a.example with such a file.
_WIDE = base64.b64encode(b"me:" + b"w" * 80).decode()
_MINE = {"auths": {"a.example": {"auth": basic("me:word")}}}


@pytest.mark.parametrize(
    ("auth", "login"),
    [
        (f"{_WIDE[:40]}\n{_WIDE[40:]}\r\n", (b"me", b"w" * 80)),
        (base64.b64encode(b"m\xfc:w\xf6rd").decode(), (b"m\xfc", b"w\xf6rd")),
        (basic("me:\0word\0\0"), (b"me", b"word")),
        ("bWU6d29yZB==", (b"me", b"word")),  # bits that nothing is made of
    ],
)
def test_auth_is_decoded_as_by_docker(tmp_path: Path, auth: str, login: tuple[bytes, bytes]) -> None:
    stored = load_json(tmp_path, {"auths": {"a.example": {"auth": auth}}}).stored("a.example")

    assert (
        tuple(each.encode("utf-8", "surrogateescape") for each in (stored.username, stored.secret)) == login
    )


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"Auths": {"a.example": {"Auth": basic("me:word")}}}),
        json.dumps({"auths": {"a.example": {"UserName": "me", "passWord": "word"}}}),
        json.dumps({"AUTHS": {"a.example": {"auth": basic("x:y")}}, **_MINE}),
        json.dumps({**_MINE, "Auths": {"b.example": {}}}),
    ],
)
def test_the_case_of_a_key_does_not_matter(tmp_path: Path, text: str) -> None:
    assert load_text(tmp_path, text).stored("a.example") == Credentials(username="me", secret="word")


def test_of_keys_that_differ_in_case_the_last_one_counts(tmp_path: Path) -> None:
    config = load_text(
        tmp_path, '{"credsStore": "a", "credSstore": "b", "CURRENTCONTEXT": "c", "CredHelpers": {"A": "d"}}'
    )

    assert (config.creds_store, config.current_context) == ("b", "c")
    assert (config.helper("A"), config.helper("a"), config.warnings) == ("d", "b", ())


def test_proxies_are_found_in_any_case(tmp_path: Path) -> None:
    load_text(tmp_path, '{"Proxies": {"default": {"HTTPPROXY": "p"}, "Default": {"httpProxy": "q"}}}')

    assert load({"DOCKER_CONFIG": str(tmp_path)}).proxy_build_args() == {"HTTP_PROXY": "p", "http_proxy": "p"}


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("credStore", "credsStore"),
        ("credHelper", "credHelpers"),
        ("auth", "auths"),
        ("proxy", None),
        ("x", None),
    ],
)
def test_a_key_that_is_nearly_one_is_warned_about(tmp_path: Path, key: str, meant: str | None) -> None:
    config = load_json(tmp_path, {key: {}, "HttpHeaders": {}, "psFormat": "", "features": {}})

    named = f'the docker config {tmp_path}/config.json has an unknown key "{key}" (did you mean "{meant}"?)'
    assert config.warnings == ((named,) if meant else ())


@pytest.mark.parametrize(
    ("other", "warned"),
    [
        ({"auths": {"z": {"auth": "!"}, **_MINE["auths"]}}, 0),
        ({**_MINE, "credsStore": 5}, 1),
        ({**_MINE, "proxies": []}, 1),
    ],
)
def test_what_else_is_broken_does_not_matter(tmp_path: Path, other: dict[str, object], warned: int) -> None:
    config = load_json(tmp_path, other)

    assert config.stored("a.example") == Credentials(username="me", secret="word")
    assert len(config.warnings) == warned


@pytest.mark.parametrize(
    "auth", ["hidden!", "aGlkZGVu", basic("me:hidden") + " ", basic(":hidden"), "\n", "é"]
)
def test_a_broken_login_is_told_where_it_is_used(tmp_path: Path, auth: str) -> None:
    config = load_json(tmp_path, {"auths": {"https://a.example/v1/": {"auth": auth}}})

    with pytest.raises(UsageError) as caught:
        config.stored("a.example")

    why = "auth is not base64 of user:password"
    assert (
        str(caught.value) == f"the login for https://a.example/v1/ in {tmp_path}/config.json is broken: {why}"
    )
    assert caught.value.hint == "run docker login a.example again"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


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
@pytest.mark.parametrize("value", [5, ["x"], {"a": "b"}, True])
def test_what_can_be_no_credential_is_refused(tmp_path: Path, name: str, value: object) -> None:
    config = load_json(tmp_path, {"auths": {"a.example": {name: value}}})

    with pytest.raises(UsageError, match=f"is broken: {name} is not a string"):
        config.stored("a.example")


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
_HOSTS = st.sampled_from(["a.example", DOCKER_HUB, ""])


@given(_CONFIGS | _VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=60), _HOSTS)
def test_any_config_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, host: str
) -> None:
    folder = tmp_path_factory.getbasetemp()
    (folder / "config.json").write_bytes(content)
    config = load({"DOCKER_CONFIG": str(folder)})
    try:
        stored = config.stored(host)
    except UsageError as exc:
        str(exc).encode()
        return
    for text in (stored.username, stored.secret, stored.registry_token):
        text.encode("utf-8", "surrogateescape")
    assert isinstance(config.helper(host), str)
    assert all(isinstance(value, str) for value in config.proxy_build_args().values())


def test_a_variable_that_is_no_text_is_as_good_as_none() -> None:
    assert load({"DOCKER_AUTH_CONFIG": "{\udcff}"}).warnings == (
        "DOCKER_AUTH_CONFIG is not valid JSON (line 1, column 2); building without it",
    )
