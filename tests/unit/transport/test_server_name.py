"""The name that a daemon's certificate is to be for."""

from __future__ import annotations

import pytest

from router.address import parse_address
from router.errors import UsageError
from router.model.tls import TLSOptions
from router.transport.server_name import server_name


@pytest.mark.parametrize(
    ("address", "given", "expected"),
    [
        ("tcp://host", None, "host"),
        ("tcp://10.0.0.1?server-name=b-0.b", None, "b-0.b"),
        ("tcp://10.0.0.1?server-name=b-0.b", "all", "all"),
        ("kube-pod://b-0?namespace=ci&ip=10.0.0.1", None, "b-0"),
        ("kube-pod://b-0?namespace=ci", "all", "all"),
        ("kube-pod://b-0?namespace=ci", "{pod}.b.{namespace}.svc", "b-0.b.ci.svc"),
        ("kube-pod://b-0", "{pod}.b.{namespace}.svc", "b-0.b.default.svc"),
    ],
)
def test_a_certificate_is_for_the_daemon_that_is_meant(
    address: str, given: str | None, expected: str
) -> None:
    tls = TLSOptions(server_name=given)
    assert server_name(parse_address(address), tls, namespace="default") == expected


def test_a_name_for_pods_is_refused_for_what_is_no_pod() -> None:
    with pytest.raises(UsageError, match="is for pods"):
        server_name(parse_address("tcp://host"), TLSOptions(server_name="{pod}.b"))
