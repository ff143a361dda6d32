"""``--addr``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.address import format_address, parse_addresses
from router.model.address import TcpAddress
from router.notation.flag import Flag
from tests.unit.specs.refused import refused

_TCP = "tcp://buildkitd-0.example.com:1234"
_POD = "kube-pod://buildkitd-0?namespace=ci&context=prod"


@pytest.mark.parametrize(
    ("texts", "addresses"),
    [
        ([_TCP], [(_TCP, _TCP)]),
        ([f"home={_TCP}"], [("home", _TCP)]),
        ([_POD], [(_POD, _POD)]),
        ([f"a={_POD}"], [("a", _POD)]),
        (["a=unix:///a.sock, b=unix:///b.sock,"], [("a", "unix:///a.sock"), ("b", "unix:///b.sock")]),
        ([_TCP, _TCP], [(_TCP, _TCP)]),
        (["tcp://h", "a=dns://B"], [("tcp://h", "tcp://h:1234"), ("a", "dns://B:1234")]),
    ],
)
def test_addresses_have_names(texts: list[str], addresses: list[tuple[str, str]]) -> None:
    assert [(name, str(address)) for name, address in parse_addresses(texts)] == addresses


@given(st.lists(st.from_regex(r"[a-z0-9.-]{1,8}", fullmatch=True), min_size=1, unique=True))
def test_addresses_survive_formatting_and_parsing(names: list[str]) -> None:
    addresses = tuple((name, TcpAddress(host=name)) for name in names)

    assert parse_addresses([",".join(format_address(*address) for address in addresses)]) == addresses


def test_an_address_as_it_was_written_is_its_name_and_is_written_so_again() -> None:
    ((name, address),) = parse_addresses(["tcp://h"])

    assert format_address(name, address) == "tcp://h"


@pytest.mark.parametrize("text", ["a=b", "b", "a=b:1234"])
def test_an_address_without_a_scheme_gets_one_suggested(text: str) -> None:
    error = refused(lambda: parse_addresses([text]))

    address = text.removeprefix("a=")
    assert str(error) == (
        f'invalid --addr "{address}": no scheme such as tcp:// (did you mean tcp://b:1234?)'
    )


@pytest.mark.parametrize("text", ["=tcp://a", "tcp://a b"])
def test_what_is_no_address_is_refused(text: str) -> None:
    error = refused(lambda: parse_addresses([text]))

    assert str(error) == f'invalid --addr "{text}": an address is scheme://..., or NAME=scheme://...'


def test_an_empty_list_is_refused() -> None:
    error = refused(lambda: parse_addresses([" , "], Flag(name="BUILDKIT_HOST", example=_TCP)))

    assert str(error) == 'invalid BUILDKIT_HOST " , ": it is empty'
