"""Which daemons one missing right closes the way to."""

from __future__ import annotations

import pytest

from router.address import parse_address
from router.kubernetes.rights import share_rights


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ("kube-pod://b-1?namespace=ci&container=x", True),
        ("kube-pod://b-1?namespace=other", False),
        ("kube-pod://b-1?namespace=ci&context=lab", False),
        ("kube-pod://b-1?namespace=ci&via=port-forward", False),
        ("kube-pod://b-1?namespace=ci&ip=10.0.0.1", False),
        ("tcp://b-1", False),
    ],
)
def test_pods_of_one_namespace_need_the_same_rights(other: str, same: bool) -> None:
    assert share_rights(parse_address("kube-pod://b-0?namespace=ci"), parse_address(other)) is same


def test_other_daemons_need_none() -> None:
    assert not share_rights(parse_address("tcp://b-0"), parse_address("kube-pod://b-1"))
