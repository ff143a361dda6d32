"""The platforms of a daemon in few words."""

from __future__ import annotations

from cli.render.platforms import counted


def test_variants_of_a_platform_are_counted() -> None:
    assert counted(["linux/amd64", "linux/amd64/v2", "linux/amd64/v3", "linux/386"]) == (
        "linux/amd64 (+2), linux/386"
    )
    assert counted([]) == ""
