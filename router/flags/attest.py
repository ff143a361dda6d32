"""``--attest``, ``--sbom`` and ``--provenance``: what the daemon is to attest about the image."""

from __future__ import annotations

from collections.abc import Iterable

from router.model.build_options import Attestation, AttestationType
from router.notation.boolean import parse_bool
from router.notation.csv import format_pairs, parse_fields
from router.notation.flag import Flag

__all__ = ["Attestation", "AttestationType", "format_attest", "parse_attest", "parse_attests"]

_FLAG = Flag(name="--attest", example="type=provenance,mode=max")
_SHORTHANDS = {
    "sbom": Flag(name="--sbom", example="generator=docker/buildkit-syft-scanner"),
    "provenance": Flag(name="--provenance", example="mode=max"),
}


def parse_attests(texts: Iterable[str], *, sbom: str = "", provenance: str = "") -> tuple[Attestation, ...]:
    """Parse ``--attest`` and its two shorthands; the first of each type counts, as for buildx.

    Raises ``UsageError``.
    """
    found = [parse_attest(text) for text in texts]
    if provenance:
        found.append(_parse_shorthand("provenance", provenance))
    if sbom:
        found.append(_parse_shorthand("sbom", sbom))
    first: dict[str, Attestation] = {}
    for attestation in found:
        first.setdefault(attestation.type, attestation)
    return tuple(first.values())


def parse_attest(text: str) -> Attestation:
    """Parse ``type=sbom|provenance`` with its keys. Raises ``UsageError``."""
    attrs = _attrs(text, _FLAG)
    match attrs.pop("type", ""):
        case "sbom" | "provenance" as kind:
            return _attestation(text, _FLAG, kind, attrs)
        case "":
            raise _FLAG.error(text, "the key type is missing")
        case other:
            raise _FLAG.error(text, f"unknown type {other} (sbom or provenance)")


def format_attest(attestation: Attestation) -> str:
    """Return the text that ``parse_attest`` reads as ``attestation``."""
    disabled = {"disabled": "true"} if attestation.disabled else {}
    return format_pairs({"type": attestation.type, **disabled, **attestation.attrs})


def _parse_shorthand(kind: AttestationType, text: str) -> Attestation:
    wanted = parse_bool(text)
    if wanted is not None:
        return Attestation(type=kind, disabled=not wanted)
    flag = _SHORTHANDS[kind]
    return _attestation(text, flag, kind, _attrs(text, flag))


def _attestation(text: str, flag: Flag, kind: AttestationType, attrs: dict[str, str]) -> Attestation:
    disabled = parse_bool(attrs.pop("disabled", "false"))
    if disabled is None:
        raise flag.error(text, "disabled must be true or false")
    return Attestation(type=kind, disabled=disabled, attrs=attrs)


def _attrs(text: str, flag: Flag) -> dict[str, str]:
    # The keys are variables of the scanner, whose case matters; those that are read here have none.
    attrs: dict[str, str] = {}
    for field_text in parse_fields(text, flag):
        key, equals, value = field_text.partition("=")
        if not equals:
            raise flag.error(text, f'field "{field_text}" is not of the form key=value')
        plain = key.strip().lower()
        attrs[plain if plain in {"type", "disabled"} else key] = value
    return attrs
