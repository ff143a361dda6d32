"""Addresses as text and as values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.errors import UsageError
from router.transport.address import (
    Address,
    DockerAddress,
    KubePodAddress,
    TcpAddress,
    UnixAddress,
    format_address,
    parse_address,
)

_names = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
_texts = st.text(min_size=1)
_addresses: st.SearchStrategy[Address] = st.one_of(
    st.builds(
        TcpAddress,
        host=_names | st.ip_addresses().map(str),
        port=st.integers(min_value=1, max_value=65535),
    ),
    st.builds(UnixAddress, path=_texts.filter(lambda path: "\0" not in path)),
    st.builds(
        KubePodAddress,
        pod=_names,
        namespace=st.none() | _names,
        context=st.none() | _texts,
        container=st.none() | _names,
    ),
    st.builds(
        DockerAddress,
        context=st.none() | st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", fullmatch=True),
        endpoint=st.none() | _texts,
    ),
)


@given(_addresses)
def test_what_is_written_is_read_back(address: Address) -> None:
    assert parse_address(format_address(address)) == address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("tcp://10.0.0.1:1234", TcpAddress(host="10.0.0.1", port=1234)),
        ("tcp://buildkitd", TcpAddress(host="buildkitd", port=1234)),
        ("tcp://[fd00::1]:99", TcpAddress(host="fd00::1", port=99)),
        ("tcp://[fe80::1%eth0]:99", TcpAddress(host="fe80::1%eth0", port=99)),
        ("tcp://buildkitd:5/", TcpAddress(host="buildkitd", port=5)),
        ("unix:///run/buildkit/buildkitd.sock", UnixAddress(path="/run/buildkit/buildkitd.sock")),
        ("unix://run/b.sock", UnixAddress(path="run/b.sock")),
        ("kube-pod://buildkitd-0", KubePodAddress(pod="buildkitd-0")),
        (
            "kube-pod://b-0?namespace=ci&context=arn%3Aaws%2Fx&container=",
            KubePodAddress(pod="b-0", namespace="ci", context="arn:aws/x"),
        ),
        ("docker://", DockerAddress()),
        ("docker://desktop-linux", DockerAddress(context="desktop-linux")),
        (
            "docker://?host=unix:///var/run/docker.sock",
            DockerAddress(endpoint="unix:///var/run/docker.sock"),
        ),
    ],
)
def test_every_form_is_read(text: str, address: Address) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "tcp://",
        "tcp://:1234",
        "tcp://host:0",
        "tcp://host:65536",
        "tcp://host:http",
        "tcp://host:1/path",
        "tcp://us er:1",
        "unix://",
        "unix:///a\0b",
        "kube-pod://",
        "kube-pod://Pod_1",
        "kube-pod://-pod",
        "kube-pod://pod?namespace=a/b",
        "kube-pod://pod?namespce=a",
        "docker://a b",
    ],
)
def test_a_malformed_address_is_a_usage_error_that_shows_it(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_address(text)
    assert repr(text) in str(caught.value)
    assert caught.value.hint


def test_an_unknown_scheme_names_those_that_are_supported() -> None:
    with pytest.raises(UsageError, match="unknown scheme 'http'") as caught:
        parse_address("http://host")
    assert caught.value.hint == "supported: tcp://, unix://, kube-pod://, docker://"


@pytest.mark.parametrize(
    ("text", "hint"),
    [("10.0.0.1:1234", "tcp://10.0.0.1:1234"), ("/run/b.sock", "unix:///run/b.sock"), ("b", "supported")],
)
def test_a_missing_scheme_is_suggested(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match="no scheme") as caught:
        parse_address(text)
    assert hint in (caught.value.hint or "")


def test_an_ipv6_address_without_brackets_is_told_about_them() -> None:
    with pytest.raises(UsageError) as caught:
        parse_address("tcp://fd00::1:1234")
    assert "brackets" in (caught.value.hint or "")
