"""``--allow``."""

from __future__ import annotations

import pytest

from router.flags.entitlement import parse_entitlements
from tests.unit.specs.refused import refused


def test_entitlements_are_handed_on_as_they_stand() -> None:
    given_texts = ["network.host", "security.insecure", "device=a/b,alias=c", "device=", "network.host", ""]

    assert parse_entitlements(given_texts) == (
        "network.host",
        "security.insecure",
        "device=a/b,alias=c",
        "device",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("network", "it is not one of network.host, security.insecure, device, buildx.local.delete"),
        ("network.host=1", "it is not one of network.host, security.insecure, device, buildx.local.delete"),
        ("device=a,b=c", '"b=c" is no option of a device (alias=NAME)'),
    ],
)
def test_an_unknown_entitlement_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: parse_entitlements([text]))) == f'invalid --allow "{text}": {why}'
