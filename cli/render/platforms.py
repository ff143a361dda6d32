"""The platforms of a daemon in few words."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["counted"]


def counted(platforms: Sequence[str]) -> str:
    """Count the variants of a platform, as buildx does: ``linux/amd64 (+3), linux/386``."""
    variants: dict[str, list[str]] = {}
    for platform in platforms:
        variants.setdefault("/".join(platform.split("/")[:2]), []).append(platform)
    return ", ".join(f"{first} (+{len(others)})" if others else first for first, *others in variants.values())
