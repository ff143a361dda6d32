"""Which proxy stands before an HTTPS server."""

from __future__ import annotations

import pytest

from router.errors import UsageError
from router.net.proxy import Proxy, parse_proxy, proxy_from_environment


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        ("http://p:3128", Proxy(scheme="http", host="p", port=3128)),
        ("p:3128", Proxy(scheme="http", host="p", port=3128)),
        ("http://p", Proxy(scheme="http", host="p", port=80)),
        ("socks5://[::1]", Proxy(scheme="socks5", host="::1", port=1080)),
        ("http://u:p%40ss@p:1", Proxy(scheme="http", host="p", port=1, login=("u", "p@ss"))),
    ],
)
def test_every_form_is_read(text: str, proxy: Proxy) -> None:
    assert parse_proxy(text) == proxy


@pytest.mark.parametrize("text", ["https://u:sesame@p", "http://:sesame@", "http://p:port", "ftp://p"])
def test_a_proxy_that_cannot_be_used_is_refused_without_its_password(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_proxy(text)
    assert "sesame" not in str(caught.value)


def test_a_login_does_not_stand_in_the_repr() -> None:
    assert "sesame" not in f"{parse_proxy('http://u:sesame@p')!r}"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_the_environment_names_a_proxy(name: str) -> None:
    proxy = proxy_from_environment("k.example", 443, {name: "http://p:1"})
    assert proxy is not None
    assert proxy.host == "p"


@pytest.mark.parametrize(
    ("host", "excluded"),
    [
        ("localhost", ""),
        ("127.0.0.2", ""),
        ("::1", ""),
        ("k.example", "*"),
        ("k.example", "other, k.example"),
        ("a.k.example", "k.example"),
        ("a.k.example", ".k.example"),
        ("a.k.example", "*.k.example"),
        ("K.Example", "k.example:6443"),
        ("10.1.2.3", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3"),
        ("fd00::1", "fd00::/8"),
    ],
)
def test_an_excluded_host_is_dialled_directly(host: str, excluded: str) -> None:
    assert proxy_from_environment(host, 6443, {"HTTPS_PROXY": "http://p", "NO_PROXY": excluded}) is None


@pytest.mark.parametrize(
    ("host", "excluded"),
    [
        ("k.example", ""),
        ("k.example", ".k.example"),
        ("k.example", "k.example:443"),
        ("ak.example", "k.example"),
        ("10.1.2.3", "11.0.0.0/8,x"),
    ],
)
def test_another_host_goes_through_the_proxy(host: str, excluded: str) -> None:
    assert proxy_from_environment(host, 6443, {"HTTPS_PROXY": "http://p", "NO_PROXY": excluded}) is not None
