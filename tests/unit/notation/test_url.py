"""URLs cut into their parts."""

from __future__ import annotations

import pytest

from router.notation.url import URL, parse_query, parse_url, without_credentials


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.com", URL(scheme="https", host="example.com")),
        (
            "HTTPS://me:pw@Example.com:8443/a/b?c=d#e?f#g",
            URL(scheme="https", host="example.com", port="8443", path="/a/b", query="c=d", fragment="e?f#g"),
        ),
        ("tcp://[::1]:1234", URL(scheme="tcp", host="[::1]", port="1234")),
        ("unix:///run/buildkit.sock", URL(scheme="unix", host="", path="/run/buildkit.sock")),
        ("kube-pod://pod?namespace=ci", URL(scheme="kube-pod", host="pod", query="namespace=ci")),
    ],
)
def test_a_url_is_cut_into_its_parts(text: str, url: URL) -> None:
    assert parse_url(text) == url


@pytest.mark.parametrize("text", ["", "example.com", "git@example.com:a", "://a", "https://a:b/c"])
def test_what_is_no_url_is_none(text: str) -> None:
    assert parse_url(text) is None


def test_a_query_is_read() -> None:
    assert parse_query("a=1&b=&c&a=%20x") == {"a": ["1", " x"], "b": [""], "c": [""]}


def test_credentials_are_not_shown() -> None:
    assert without_credentials("see https://me:pw@example.com/a@b") == "see https://example.com/a@b"
