"""Definitions that `warmroute bake --print` and buildx's read alike, each for a part of the language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from router.model.frozen import field, frozen

__all__ = ["Case", "case"]


@frozen
class Case:
    """A definition: its files, the words behind ``bake --print``, and variables of the environment."""

    name: str
    files: Mapping[str, str]
    words: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def case(name: str, text: str, *words: str, **environment: str) -> Case:
    """Return a definition that is one file of HCL."""
    return Case(
        name=name,
        files=MappingProxyType({"docker-bake.hcl": text}),
        words=words,
        environment=MappingProxyType(environment),
    )
