"""What a registry wants before it answers, as its header says."""

from __future__ import annotations

import time

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


@pytest.mark.parametrize("part", ["a", 'a="\\"', 'a="', "a=", "\\", '"'])
def test_a_hostile_one_costs_little_time(part: str) -> None:
    began = time.process_time()

    assert parse_challenge("bearer " + part * (65_000 // len(part))).scheme == "bearer"

    assert time.process_time() - began < 0.5
