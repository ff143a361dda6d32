"""``--cache-from`` and ``--cache-to``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.cache import CACHE_FROM, CACHE_TO, format_cache, parse_caches, with_credentials
from router.model.request import CacheOption
from router.notation.flag import Flag
from tests.unit.specs.refused import refused

_RUNNER = {
    "ACTIONS_RUNTIME_TOKEN": "token",
    "ACTIONS_CACHE_URL": "https://cache.example.com",
    "ACTIONS_RESULTS_URL": "https://results.example.com",
}
_GHA = CacheOption(type="gha", attrs={"scope": "main"})


@given(
    st.builds(
        CacheOption,
        type=st.sampled_from(["registry", "local", "inline", "gha", "s3", "azblob"]),
        attrs=st.dictionaries(st.sampled_from(["ref", "mode", "src", "access_key_id"]), st.text()),
    )
)
def test_a_cache_survives_formatting_and_parsing(option: CacheOption) -> None:
    assert parse_caches([format_cache(option)], CACHE_TO) == (option,)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("type=inline", [CacheOption(type="inline")]),
        (
            "type=registry,Ref=example.com/cache,mode=max",
            [CacheOption(type="registry", attrs={"ref": "example.com/cache", "mode": "max"})],
        ),
        ("example.com/cache:1", [CacheOption(type="registry", attrs={"ref": "example.com/cache:1"})]),
        ("a,b", [CacheOption(type="registry", attrs={"ref": name}) for name in "ab"]),
    ],
)
def test_a_cache_is_read_as_buildx_reads_it(text: str, options: list[CacheOption]) -> None:
    assert list(parse_caches([text], CACHE_FROM)) == options


@pytest.mark.parametrize("flag", [CACHE_FROM, CACHE_TO])
@pytest.mark.parametrize("text", [".", "../app", "a,./app"])
def test_the_context_is_no_cache(text: str, flag: Flag) -> None:
    error = refused(lambda: parse_caches([text], flag))

    assert str(error) == f"invalid {flag.name}: its value is a path, not type=... or an image's name"


def test_a_wrong_cache_is_refused_without_repeating_it() -> None:
    error = refused(lambda: parse_caches(["secret_access_key=hunter2"], CACHE_FROM))

    assert str(error) == "invalid --cache-from: the key type is missing"


@pytest.mark.parametrize("text", ["type=foo", "type=Registry,ref=a", "type=regsitry,ref=a"])
def test_a_type_that_no_daemon_knows_is_refused(text: str) -> None:
    error = refused(lambda: parse_caches([text], CACHE_FROM))

    assert str(error) == (
        "invalid --cache-from: the type is not one of registry, local, inline, gha, s3, azblob"
    )


def test_keys_stay_out_of_the_repr() -> None:
    assert "hunter2" not in repr(parse_caches(["type=s3,secret_access_key=hunter2"], CACHE_FROM))


def test_gha_takes_its_variables_from_the_environment() -> None:
    (option,) = with_credentials([_GHA], _RUNNER)

    assert option.attrs == {"token": "token", "url": "https://cache.example.com", "scope": "main"}


def test_gha_of_the_second_version_takes_the_results_address() -> None:
    (option,) = with_credentials([_GHA], _RUNNER | {"ACTIONS_CACHE_SERVICE_V2": "True"})

    assert option.attrs["url_v2"] == "https://results.example.com"


def test_gha_keeps_what_was_given() -> None:
    given_token = CacheOption(type="gha", attrs={"token": "mine"})

    (option,) = with_credentials([given_token], _RUNNER)

    assert option.attrs["token"] == "mine"


def test_gha_outside_of_a_runner_is_left_out() -> None:
    assert with_credentials([_GHA, CacheOption(type="inline")], {}) == (CacheOption(type="inline"),)


def test_s3_takes_credentials_from_the_environment() -> None:
    environment = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key", "AWS_SESSION_TOKEN": "token"}

    (option,) = with_credentials([CacheOption(type="s3")], environment)

    assert option.attrs == {"access_key_id": "id", "secret_access_key": "key", "session_token": "token"}


def test_s3_credentials_that_were_given_are_not_mixed_with_others() -> None:
    given_keys = CacheOption(type="s3", attrs={"access_key_id": "a", "secret_access_key": "b"})

    assert with_credentials([given_keys], {"AWS_SESSION_TOKEN": "token"}) == (given_keys,)


def test_an_empty_text_is_no_cache() -> None:
    assert parse_caches(["", "a"], CACHE_FROM) == (CacheOption(type="registry", attrs={"ref": "a"}),)


def test_an_empty_name_in_a_list_is_refused() -> None:
    error = refused(lambda: parse_caches(["a,,b"], CACHE_FROM))

    assert str(error) == "invalid --cache-from: an image's name in the list is empty"
