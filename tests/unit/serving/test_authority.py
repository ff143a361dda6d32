"""The key in the name of an endpoint, and what is none."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.serving.authority import key_of_authority


@pytest.mark.parametrize(
    ("authority", "key"),
    [
        ("shop.localhost:1234", "shop"),
        ("shop.localhost", "shop"),
        ("shop.localhost.:1234", "shop"),
        ("Team.Shop_2-x.LOCALHOST:1", "team.shop_2-x"),
        ("a" * 63 + ".localhost", "a" * 63),
    ],
)
def test_the_key_is_what_stands_before_localhost(authority: str, key: str) -> None:
    assert key_of_authority(authority) == key


@pytest.mark.parametrize(
    "authority",
    [
        "",
        "localhost",
        "localhost:1234",
        ".localhost",
        "127.0.0.1:1234",
        "shop.example.com",
        "shop.localhost.example.com",
        "shoplocalhost",
        "a b.localhost",
        "a/b.localhost",
        "-a.localhost",
        "a..b.localhost",
        "\x1b[2J.localhost",
        "shop.localhost:x",
        "shop.localhost:123456",
        "shop.localhost\n",
        "me@shop.localhost",
        "\u0455hop.localhost",
        "a" * 64 + ".localhost",
        "a." * 200 + "b.localhost",
    ],
)
def test_what_is_no_name_of_a_host_below_localhost_is_no_key(authority: str) -> None:
    assert key_of_authority(authority) == ""


@given(st.text() | st.text(alphabet="aB1.-_:\u212a\x00 ").map("{}.localhost".format))
def test_a_key_is_short_and_of_harmless_characters(authority: str) -> None:
    assert re.fullmatch(r"[a-z0-9._-]{0,243}", key_of_authority(authority))
