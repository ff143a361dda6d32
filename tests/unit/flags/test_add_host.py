"""``--add-host``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.add_host import ExtraHost, format_add_host, parse_add_host
from tests.unit.specs.refused import refused

_ADDRESSES = st.lists(st.ip_addresses().map(str), min_size=1, max_size=3).map(tuple)


@given(st.builds(ExtraHost, host=st.from_regex(r"[a-z.-]{1,9}", fullmatch=True), addresses=_ADDRESSES))
def test_a_host_survives_formatting_and_parsing(host: ExtraHost) -> None:
    assert parse_add_host(format_add_host(host)) == host


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("host=10.0.0.1", ("10.0.0.1",)),
        ("host:10.0.0.1", ("10.0.0.1",)),
        ("host:::1", ("::1",)),
        ("host=[::1]", ("::1",)),
        ("host=10.0.0.1,[::1]", ("10.0.0.1", "::1")),
        ("host=host-gateway", ("host-gateway",)),
    ],
)
def test_a_host_is_read_as_buildx_reads_it(text: str, addresses: tuple[str, ...]) -> None:
    assert parse_add_host(text) == ExtraHost(host="host", addresses=addresses)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("host", "it is not of the form HOST=IP"),
        ("=10.0.0.1", "it is not of the form HOST=IP"),
        ("host=", "it is not of the form HOST=IP"),
        ("host=name", '"name" is not an IP address'),
        ("host=10.0.0.1,", '"" is not an IP address'),
        ("host=fe80::1%eth0", '"fe80::1%eth0" is not an IP address'),
    ],
)
def test_a_wrong_host_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: parse_add_host(text))) == f'invalid --add-host "{text}": {why}'
