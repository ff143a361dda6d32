"""``--attest``, ``--sbom`` and ``--provenance``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.flags.attest import Attestation, AttestationType, format_attest, parse_attest, parse_attests
from tests.unit.specs.refused import refused

_TYPES: list[AttestationType] = ["sbom", "provenance"]


@given(
    st.builds(
        Attestation,
        type=st.sampled_from(_TYPES),
        disabled=st.booleans(),
        attrs=st.dictionaries(st.sampled_from(["mode", "generator", "BUILDKIT_SCAN_X"]), st.text()),
    )
)
def test_an_attestation_survives_formatting_and_parsing(attestation: Attestation) -> None:
    assert parse_attest(format_attest(attestation)) == attestation


@pytest.mark.parametrize(
    ("text", "attestation"),
    [
        ("true", Attestation(type="provenance")),
        ("false", Attestation(type="provenance", disabled=True)),
        ("mode=max", Attestation(type="provenance", attrs={"mode": "max"})),
        ("disabled=true", Attestation(type="provenance", disabled=True)),
    ],
)
def test_the_shorthand_is_read_as_buildx_reads_it(text: str, attestation: Attestation) -> None:
    assert parse_attests([], provenance=text) == (attestation,)


def test_the_first_of_a_type_counts() -> None:
    attestations = parse_attests(["type=provenance,mode=max"], provenance="false", sbom="true")

    assert attestations == (
        Attestation(type="provenance", attrs={"mode": "max"}),
        Attestation(type="sbom"),
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mode=max", "the key type is missing"),
        ("type=signature", "unknown type signature (sbom or provenance)"),
        ("type=sbom,disabled=yes", "disabled must be true or false"),
        ("type=sbom,x", 'field "x" is not of the form key=value'),
    ],
)
def test_a_wrong_attestation_is_refused(text: str, why: str) -> None:
    assert str(refused(lambda: parse_attest(text))) == f'invalid --attest "{text}": {why}'


def test_a_wrong_shorthand_is_refused_by_its_own_name() -> None:
    error = refused(lambda: parse_attests([], sbom="yes"))

    assert str(error) == 'invalid --sbom "yes": field "yes" is not of the form key=value'
