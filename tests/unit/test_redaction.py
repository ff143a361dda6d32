"""What printing a command line shows and what it hides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.redaction import redacted, shown_options, without_passwords
from tests.processor import processor_seconds


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("--build-arg=NPM_TOKEN=abc,def", "--build-arg=NPM_TOKEN=****"),
        ("NPM_TOKEN=abc", "NPM_TOKEN=****"),
        ("build-arg:DB_PASSWORD=a=b", "build-arg:DB_PASSWORD=****"),
        ("type=s3,secret_access_key=abc,region=x", "type=s3,secret_access_key=****"),
        ('type=gha,"token=a,b",scope=c', 'type=gha,"token=****'),
        ("build-arg:KEY=multi\nline", "build-arg:KEY=****"),
        ("https://user:pa@ss@host/x.git", "https://user:****@host/x.git"),
        ("https://ghp_abc@github.com/a/b.git#main", "https://****@github.com/a/b.git#main"),
        ("HTTP_PROXY=http://u:p@proxy:3128", "HTTP_PROXY=http://u:****@proxy:3128"),
    ],
)
def test_what_looks_like_a_secret_is_masked(argument: str, shown: str) -> None:
    assert redacted([argument]) == [shown]


def test_a_steps_name_keeps_all_but_the_password() -> None:
    name = "[internal] load git source https://user:pa%40ss@host/x.git#main"

    assert without_passwords(name) == "[internal] load git source https://user:****@host/x.git#main"
    assert without_passwords("RUN mail TOKEN=a me@host") == "RUN mail TOKEN=a me@host"


@pytest.mark.parametrize(
    "argument",
    [
        "id=npm_token,src=/run/secrets/npm",
        "--secret=id=npm,env=NPM_TOKEN",
        "build-arg:AUTHOR=me",
        "build-arg:VERSION=1.2",
        "ssh://git@github.com/a/b.git",
        "type=image,name=registry.example/team/app:1,push=true",
        "--tlskey=/certs/key.pem",
        "kube-pod://pod-0?namespace=ci",
    ],
)
def test_what_is_no_secret_is_shown(argument: str) -> None:
    assert redacted([argument]) == [argument]


@given(
    st.text(st.characters(exclude_characters="*"), min_size=8).filter(
        lambda s: s not in "build-arg:MY_SECRET="
    )
)
def test_a_value_under_a_secret_name_is_never_shown(value: str) -> None:
    assert value not in redacted([f"build-arg:MY_SECRET={value}"])[0]


@pytest.mark.parametrize(
    "text", ["secret" * 10_000, "a.a-" * 15_000, ",--a-" * 12_000, "x://a" * 12_000, "a,token=" * 8_000]
)
def test_a_long_text_is_masked_in_time(text: str) -> None:
    assert processor_seconds(lambda: (redacted([text]), without_passwords(text)), enough=0.5) < 0.5


def test_a_secret_within_json_is_masked_too() -> None:
    imports = '[{"Type":"s3","Attrs":{"bucket":"b","secret_access_key":"x","url":"https://u:p@h/"}}]'

    shown = imports.replace('"x"', '"****"').replace("u:p@", "u:****@")
    assert shown_options({"cache-imports": imports}) == {"cache-imports": shown}
    assert shown_options({"a": "[no json", "token": "[no json"}) == {"a": "[no json", "token": "****"}
