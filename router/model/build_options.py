"""What a request says about how steps run, what is attested, and which keys they may use: one value each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from router.model.frozen import field, frozen

__all__ = [
    "Annotation",
    "Attestation",
    "AttestationType",
    "ExtraHost",
    "NetworkMode",
    "RegistryTLS",
    "SSHAgent",
    "Ulimit",
]

AttestationType = Literal["sbom", "provenance"]
NetworkMode = Literal["default", "none", "host"]


@frozen
class Annotation:
    """One annotation of one kind of object; ``type`` and ``platform`` are empty where they weren't given."""

    key: str
    value: str
    type: str = ""
    platform: str = ""


@frozen
class Attestation:
    """One kind of attestation with its keys; ``disabled`` asks that there be none of that kind."""

    type: AttestationType
    disabled: bool = False
    attrs: Mapping[str, str] = field(default_factory=dict)


@frozen
class ExtraHost:
    """A host's name and its addresses, without brackets; or ``host-gateway`` alone."""

    host: str
    addresses: tuple[str, ...]


@frozen
class RegistryTLS:
    """How the token server of one registry is verified: files, and whether it isn't at all.

    The registry itself too, where this machine asks it and no daemon does.
    """

    host: str
    ca: str = ""
    cert: str = ""
    key: str = ""
    insecure: bool = False


@frozen
class SSHAgent:
    """What an id stands for: no path is the user's agent. ``raw``: the one path is a plain socket."""

    id: str
    paths: tuple[str, ...] = ()
    raw: bool = False


@frozen
class Ulimit:
    """A limit by its name, as ``setrlimit`` knows it; -1 is no limit."""

    name: str
    soft: int
    hard: int
