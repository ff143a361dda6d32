"""What a registry wants before it answers, as its header says."""

from __future__ import annotations

import pytest

from router.registry.challenge import Challenge, parse_challenge


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Challenge(scheme="")),
        ('Basic realm="a \\"b\\""', Challenge(scheme="basic", realm='a "b"')),
        (
            'BEARER realm="https://auth.example/token",service="reg",scope="repository:a/b:pull,push"',
            Challenge(
                scheme="bearer",
                realm="https://auth.example/token",
                service="reg",
                scope="repository:a/b:pull,push",
            ),
        ),
        ("Bearer realm=x, Scope=y", Challenge(scheme="bearer", realm="x", scope="y")),
    ],
)
def test_a_challenge_is_read(header: str, expected: Challenge) -> None:
    assert parse_challenge(header) == expected
